"""Page Diagnose: what an output is worth, what is refused, and how a file's window and frame are chosen."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from app_driving import png_of, speak_chinese, text_of, upload
from streamlit.testing.v1 import AppTest

from dashboard.components.words import percent
from dashboard.services import reading
from dashboard.services import shared as services
from dashboard.views.diagnose.scan import cut
from meddef_core.zoo import MODELS


@pytest.fixture
def shipped(start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """A session with the shipped models and their fits."""
    monkeypatch.delenv("MEDDEF_MODELS_DIR")
    return start()


def test_a_model_without_a_fit_says_so(app: AppTest) -> None:
    assert not app.exception
    said = text_of(app)
    assert "not calibrated" in said and "`meddef calibrate` fits them" in said
    assert not app.get("plotly_chart")


def test_a_scan_is_read_with_calibrated_shares_and_what_they_are_worth(shipped: AppTest) -> None:
    assert not shipped.exception
    said = text_of(shipped)
    assert "Percentages are calibrated on validation patients" in said and "not calibrated" not in said
    assert "Called positive" in said and "for any finding" in said
    assert "Calibration error **" in said and "on 126 test scans" in said
    (table,) = shipped.table
    assert list(table.value.index) == [
        "Sensitivity, validation patients", "Sensitivity, test list",
        "Specificity, validation patients", "Specificity, test list",
    ]  # fmt: skip
    assert all(" / " in cell and "[" in cell for cell in table.value.to_numpy().ravel())


def predictive(app: AppTest) -> list[str]:
    """The ranges of PPV and NPV as the page shows them."""
    return [each.value for each in app.markdown if each.value.startswith(("**PPV: ", "**NPV: "))]


@pytest.mark.parametrize("prevalence", [0.1, 10.0, 99.9])
def test_predictive_values_are_ranges_and_never_certain(shipped: AppTest, prevalence: float) -> None:
    shipped.number_input(key="diagnose_prevalence").set_value(prevalence).run()
    operating = reading.operating(services.models("oct")[0], "any finding")
    assert operating is not None
    sensitivity, specificity = operating.test.sensitivity, operating.test.specificity
    share = prevalence / 100
    possible = [  # Bayes' rule at every corner of both intervals, and at their middle
        (s * share / (s * share + (1 - c) * (1 - share)), c * (1 - share) / (c * (1 - share) + (1 - s) * share))
        for s in (sensitivity.value, *sensitivity.interval)
        for c in (specificity.value, *specificity.interval)
    ]
    ranges = predictive(shipped)
    for title, said, values in zip(("PPV", "NPV"), ranges, zip(*possible, strict=True), strict=True):
        assert said == f"**{title}: {percent(min(values))} to {percent(max(values))}**"
        assert "100.0%" not in said
    assert "of 100" not in text_of(shipped)


def test_rule_question_and_prevalence_change_the_figures(shipped: AppTest) -> None:
    before = shipped.table[0].value.to_numpy().tolist()
    ranges = predictive(shipped)
    shipped.number_input(key="diagnose_prevalence").set_value(50.0).run()
    assert predictive(shipped) != ranges
    shipped.selectbox(key="diagnose_question_oct").set_value("DME").run()
    shipped.selectbox(key="diagnose_rule").set_value("own").run()
    shipped.slider(key="diagnose_threshold").set_value(100).run()
    assert not shipped.exception
    after = shipped.table[0].value.to_numpy().tolist()
    assert after != before and "Called negative" in text_of(shipped)


def test_a_picture_of_noise_is_refused_and_its_numbers_are_marked(shipped: AppTest) -> None:
    upload(shipped, png_of(np.random.default_rng(0).integers(0, 255, (300, 400), dtype=np.uint8)))
    assert not shipped.exception
    said = text_of(shipped)
    assert "No model output: the model abstains from this scan" in said
    assert "looks most like noise" in shipped.error[0].value
    assert "These numbers mean nothing" in said and "What this output is worth" not in said
    assert not shipped.download_button and shipped.session_state["history"][0].found.abstained is not None
    (box,) = [one for one in shipped.expander if "not valid for this image" in one.label]
    assert len(box.get("progress")) == 4 and len(shipped.get("progress")) == 4


def test_the_adult_film_can_be_windowed_and_set_back(shipped: AppTest) -> None:
    shipped.segmented_control(key="task").set_value("chest").run()
    first = shipped.session_state["chosen"].fingerprint
    assert "the models read what is shown" in text_of(shipped)
    shipped.button(key="diagnose_preset_2").click().run()
    assert not shipped.exception
    narrowed = shipped.session_state["chosen"]
    assert narrowed.window is not None and narrowed.fingerprint != first
    shipped.button(key="diagnose_window_reset").click().run()
    assert shipped.session_state["chosen"].window is None
    assert shipped.session_state["chosen"].fingerprint == first


def test_a_sixteen_bit_png_has_a_window_and_an_eight_bit_one_has_none(app: AppTest) -> None:
    rng = np.random.default_rng(0)
    upload(app, png_of(rng.integers(0, 60000, (120, 140)).astype(np.uint16)))
    (width,) = [one for one in app.slider if str(one.key).startswith("diagnose_width_")]
    width.set_value(2000.0)
    app.button(key="diagnose_apply_window").click().run()
    assert not app.exception and app.session_state["chosen"].window[1] == 2000.0
    assert set(np.unique(app.session_state["chosen"].scan.pixels).round(6)) >= {0.0, 1.0}
    upload(app, png_of(rng.integers(0, 255, (120, 140), dtype=np.uint8)))
    assert not [one for one in app.slider if str(one.key).startswith("diagnose_width_")]
    assert "source" not in app.session_state


def test_clear_everything_forgets_the_file(app: AppTest) -> None:
    upload(app, png_of(np.random.default_rng(0).integers(0, 60000, (120, 140)).astype(np.uint16)))
    assert "source" in app.session_state
    app.button(key="clear_everything").click().run()
    assert "source" not in app.session_state


def test_a_fit_of_other_weights_is_said_and_not_used(app: AppTest, models_root: Path) -> None:
    folder = models_root / "oct" / "undefended"
    try:
        for name in ("reading.json", "reading.safetensors"):
            shutil.copy(MODELS / "oct" / "undefended" / name, folder / name)
        app.segmented_control(key="diagnose_model_oct").set_value("oct/undefended").run()
        assert not app.exception
        assert "fitted for other weights" in "\n".join(warning.value for warning in app.warning)
        assert "not calibrated" in text_of(app)
    finally:
        for name in ("reading.json", "reading.safetensors"):
            (folder / name).unlink(missing_ok=True)


def test_zoom_shows_a_part(app: AppTest) -> None:
    app.select_slider(key="diagnose_zoom").set_value(4.0).run()
    assert not app.exception
    assert {"diagnose_zoom_across", "diagnose_zoom_down"} <= {str(one.key) for one in app.slider}
    pixels = np.arange(48, dtype=np.float32).reshape(6, 8)
    np.testing.assert_array_equal(cut(pixels, zoom=2.0, centre=(0.0, 1.0)), pixels[:3, 4:])
    np.testing.assert_array_equal(cut(pixels, zoom=1.0, centre=(0.5, 0.5)), pixels)


def test_the_page_speaks_chinese(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_chinese(app, monkeypatch)
    assert not app.exception
    said = text_of(app)
    assert "模型输出" in said and "这一输出有多可信" in said
    assert "脉络膜新生血管 (CNV)" in said and "Choroidal neovascularisation (CNV)" not in said
