"""Page Diagnose: what an output is worth, what is refused, and how a file's window and frame are chosen."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from app_driving import open_section, png_of, sections_of, speak_chinese, text_of, upload
from streamlit.testing.v1 import AppTest

from dashboard.components.words import percent
from dashboard.services import reading
from dashboard.services import shared as services
from meddef_core.prediction.predictive import predictive_ranges
from meddef_core.zoo import MODELS


def test_a_model_without_a_fit_says_so(app: AppTest) -> None:
    assert not app.exception
    said = text_of(app)
    assert "not calibrated" in said and "`meddef calibrate` fits them" in said
    assert "`meddef calibrate` fits them" in text_of(open_section(app, "calibration"))
    assert not app.get("plotly_chart")


def test_a_scan_is_read_with_calibrated_shares_and_what_they_are_worth(shipped: AppTest) -> None:
    assert not shipped.exception
    said = text_of(shipped)
    assert "Percentages are calibrated on validation patients" in said and "not calibrated" not in said
    assert "Out-of-distribution check passed" in said and "Negative for any finding" in said
    assert "Trained on macular B-scans" in said and "100.0%" not in said
    assert not shipped.table and not shipped.get("plotly_chart")  # nothing that is not looked at is computed
    said = text_of(open_section(shipped, "calibration"))
    assert "Calibration error **" in said and "on 126 test scans" in said and len(shipped.get("plotly_chart")) == 1
    said = text_of(open_section(shipped, "test"))
    assert "Called negative" in said and "for any finding" in said
    (table,) = shipped.table
    assert list(table.value.index) == [
        "Sensitivity, validation patients", "Sensitivity, test set",
        "Specificity, validation patients", "Specificity, test set",
    ]  # fmt: skip
    assert all(" / " in cell and "[" in cell for cell in table.value.to_numpy().ravel())


def predictive(app: AppTest) -> list[str]:
    """The ranges of PPV and NPV as the page shows them."""
    return [each.value for each in app.markdown if each.value.startswith(("**PPV: ", "**NPV: "))]


@pytest.mark.parametrize("prevalence", [0.1, 10.0, 99.9])
def test_predictive_values_are_ranges_and_never_certain(shipped: AppTest, prevalence: float) -> None:
    open_section(shipped, "test").number_input(key="diagnose_prevalence").set_value(prevalence).run()
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


def test_predictive_values_are_drawn_over_one_to_fifty_percent(shipped: AppTest) -> None:
    open_section(shipped, "test")
    operating = reading.operating(services.models("oct")[0], "any finding")
    assert operating is not None
    (chart,) = shipped.get("plotly_chart")
    traces = json.loads(chart.proto.spec)["data"]
    assert [trace["name"] for trace in traces] == ["PPV", "PPV", "NPV", "NPV"]
    for place, (low, high) in enumerate((traces[:2], traces[2:])):
        assert low["x"] == high["x"] == pytest.approx(list(range(1, 51)))
        for at in (0, 9, 49):  # 1%, 10% and 50%
            ends = predictive_ranges(operating.test, prevalence=(at + 1) / 100)[place]
            assert (low["y"][at], high["y"][at]) == pytest.approx([100 * (end or 0) for end in ends])
        assert not {"0.0%", "100.0%"} & {*low["customdata"], *high["customdata"]}
    assert "At 1%: PPV" in chart.proto.alt and "At 50%: PPV" in chart.proto.alt


def test_rule_question_and_prevalence_change_the_figures(shipped: AppTest) -> None:
    before = open_section(shipped, "test").table[0].value.to_numpy().tolist()
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
    assert "This image is unlike the scans" in shipped.error[0].value
    assert "These numbers mean nothing" in said
    assert sections_of(shipped) == ["Samples and PACS", "Window and details"]
    assert not shipped.download_button and shipped.session_state["history"][0].found.abstained is not None
    (box,) = [one for one in shipped.expander if "not valid for this image" in one.label]
    assert len(box.get("progress")) == 4 and len(shipped.get("progress")) == 4


def test_the_adult_film_can_be_windowed_and_set_back(shipped: AppTest) -> None:
    shipped.segmented_control(key="task").set_value("chest").run()
    first = shipped.session_state["chosen"].fingerprint
    assert "the image that the models read" in text_of(open_section(shipped, "details"))
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
    open_section(app, "details")
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


@pytest.mark.parametrize("shape", [(300, 400), (300, 300)])
def test_what_was_cropped_or_resized_is_stated(app: AppTest, shape: tuple[int, int]) -> None:
    upload(app, png_of(np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)))
    said = text_of(app)
    assert f"{shape[1]} × {shape[0]} pixels" in said
    cropped = "The model saw the outlined part, 300 × 300 pixels, resized to 224 × 224." in said
    whole = "The model saw the whole scan, resized to 224 × 224 pixels." in said
    assert (cropped, whole) == (shape != (300, 300), shape == (300, 300))


def test_a_film_under_the_wrong_task_is_one_button_from_the_right_one(shipped: AppTest) -> None:
    film = next(sample for sample in services.samples("chest") if sample.data is not None)
    assert film.data is not None
    upload(shipped, film.data())
    assert "No model output: the model abstains from this scan" in text_of(shipped)
    shipped.button(key="diagnose_switch_task").click().run()
    assert not shipped.exception
    assert shipped.segmented_control(key="task").value == "chest"
    assert shipped.session_state["chosen"].task == "chest" and shipped.session_state["chosen"].sample is None
    assert "diagnose_switch_task" not in {str(one.key) for one in shipped.button}


def test_the_page_speaks_chinese(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_chinese(app, monkeypatch)
    assert not app.exception
    said = text_of(app)
    assert "模型输出" in said and "已通过分布外检查" not in said and "校准" in sections_of(app)
    assert "脉络膜新生血管 (CNV)" in said and "Choroidal neovascularisation (CNV)" not in said
