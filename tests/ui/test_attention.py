"""The attention page: one section at a time, clean beside attacked on one scale, for every model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import robustness_records as made
from app_driving import speak_chinese, text_of
from refusals import refused_as
from robustness_records import OTHER, record, write
from streamlit.testing.v1 import AppTest

from dashboard.catalogue import catalogue
from dashboard.components import colours
from dashboard.services import inspection, inspection_scores
from dashboard.services import shared as services
from dashboard.services.results.attention import Inspected, Pointing, Stage
from dashboard.services.results.common import Reading
from dashboard.views.attention import channels as attention_channels
from dashboard.views.attention import compare as attention_compare
from dashboard.views.attention import positions as attention_positions
from dashboard.views.attention import propagation as attention_propagation
from dashboard.views.attention import scores as attention_scores
from dashboard.views.attention import sections as attention_sections
from dashboard.views.attention import work as attention_work
from dashboard.views.attention import worth as attention_worth
from meddef_core.errors import DataError
from meddef_core.explanation import EXPLAINERS, MAP_CAVEAT
from meddef_core.explanation.channels import CHANNEL
from meddef_core.explanation.methods.daam import ATTENTION_FROM
from meddef_core.explanation.propagation import TITLES
from meddef_core.zoo import list_models

PAGE = "dashboard/views/attention/page.py"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page(start: Callable[[], AppTest]) -> AppTest:
    """A fresh session whose first page this is."""
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=240).run().switch_page(PAGE).run()
    assert not app.exception
    return app


@pytest.fixture
def reading(start: Callable[[], AppTest]) -> Reading:
    """MedDef's reading of the first sample, without a page."""
    model = next(model for model in services.models("oct") if model.id == "oct/meddef")
    return services.reading_of(model, services.thumbnail("oct", services.samples("oct")[0].key))


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """A service without its cache, which only a page's session has."""
    return function.__wrapped__  # type: ignore[attr-defined,no-any-return]


def section(app: AppTest, name: str) -> AppTest:
    app.segmented_control(key="attention_section").set_value(name).run()
    assert not app.exception
    return app


def attack(app: AppTest) -> AppTest:
    """One step, so that it is quick: FGSM stands in the same form."""
    app.selectbox(key="attention_attack").set_value("fgsm")
    app.button(key="attention_run").click().run()
    assert not app.exception
    return app


def changed(reading: Reading) -> np.ndarray:
    return (0.5 * reading.picture).astype(np.float32)


def test_clean_then_attacked_stand_on_one_scale(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    said = text_of(section(page, "grad-cam"))
    assert "No attack on this scan yet" in said and MAP_CAVEAT in said
    assert "**Undefended**" in said and "**MedDef**" in said
    assert "**Clean**" in said and "**Attacked**" not in said
    said = text_of(attack(page))
    assert "**Attacked**" in said and "No attack on this scan yet" not in said
    assert "Clean and attacked share one scale" in said
    assert [each.clean.model.id for each in page.session_state["lab_result"].outcomes] == [
        "oct/undefended",
        "oct/meddef",
    ]
    for name in ("channels", "stability", "propagation", "scan"):
        section(page, name)
    speak_chinese(page, monkeypatch)
    assert not page.exception


def test_an_attack_on_another_scan_is_not_shown(page: AppTest) -> None:
    page.pills(key="attention_models_oct").set_value(["oct/meddef"]).run()
    attack(page)
    page.pills(key="attention_models_oct").set_value(["oct/undefended", "oct/meddef"]).run()
    assert "shown clean only: Undefended" in page.warning[0].value
    page.switch_page("dashboard/views/diagnose/page.py").run()
    page.button(key="sample_synthetic-CNV").click().run()
    page.switch_page(PAGE).run()
    assert "No attack on this scan yet" in text_of(page)


def test_only_the_section_in_view_computes(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name in ("module_maps", "layer_maps", "class_map", "attention_at"):
        monkeypatch.setattr(inspection, name, noted(asked, name, getattr(inspection, name)))
    section(page, "modules")
    assert set(asked) == {"module_maps"}
    asked.clear()
    said = text_of(section(page, "self-attention"))
    assert set(asked) == {"attention_at"}
    assert "built without self-attention" in said  # the undefended one


def noted(asked: list[str], name: str, function: Callable[..., object]) -> Callable[..., object]:
    def listening(*args: object, **more: object) -> object:
        asked.append(name)
        return function(*args, **more)

    return listening


def test_layer_class_and_position_are_the_readers(page: AppTest) -> None:
    section(page, "grad-cam")
    page.selectbox(key="attention_layer").set_value("phi")
    page.selectbox(key="attention_class_oct").set_value("DRUSEN").run()
    assert "This model has no such layer" in text_of(page)  # the undefended one
    section(page, "self-attention")
    page.number_input(key="attention_row").set_value(1)
    page.number_input(key="attention_column").set_value(2).run()
    assert "**From row 1, column 2**" in text_of(page)


def test_scores_say_what_they_lack(page: AppTest) -> None:
    for name in ("stability", "propagation", "scan"):
        assert "press “Attack each model” above" in text_of(section(page, name))
    assert "with all weights random" in text_of(section(page, "sanity"))
    page.button(key="clear_everything").click().run()
    assert "No scan is chosen yet." in text_of(page)


def test_attention_from_a_place_is_that_position_of_the_network(reading: Reading) -> None:
    rows, columns = inspection.attention_grid(reading.model, reading)
    place = ((rows - 0.5) / rows, 0.5 / columns)
    found = plain(inspection.attention_at)(reading.model, "k", (reading.picture,), place=place)
    weights = inspection.trace_of(reading.model, reading.picture).self_attention
    assert weights is not None
    np.testing.assert_array_equal(found.views[0].grid, weights[0, (rows - 1) * columns].numpy().reshape(rows, columns))


def test_a_group_has_one_scale_for_all_its_pictures(reading: Reading) -> None:
    pictures = (reading.picture, changed(reading))
    layers = plain(inspection.layer_maps)(reading.model, "k", pictures, label=reading.label)
    assert tuple(layers) == inspection.layers(reading.model)
    for maps in (*plain(inspection.module_maps)(reading.model, "k", pictures), *layers.values()):
        first, second = maps.views
        assert first.scale == second.scale
        assert max(abs(first.grid).max(), abs(second.grid).max()) <= first.scale[1]


def test_channels_are_ranked_by_the_clean_scan(reading: Reading) -> None:
    found = plain(inspection_scores.channels)(reading.model, "k", (reading.picture, changed(reading)))
    weights = [channel.weights[0] for channel in found]
    assert weights == sorted(weights, reverse=True) and len(found) == inspection_scores.CHANNELS
    assert all(len(channel.weights) == len(channel.maps.views) == 2 for channel in found)


def test_unchanged_pictures_change_nothing(reading: Reading) -> None:
    same = (reading.picture, reading.picture, changed(reading))
    for row in plain(inspection_scores.stabilities)(reading.model, "k", same, label=reading.label):
        assert row.attack.correlation in (None, pytest.approx(1.0)) and row.attack.overlap == pytest.approx(1.0)
    stages = plain(inspection_scores.stages)(reading.model, "k", same)
    assert [stage.attack for stage in stages] == [0.0] * len(stages) and all(stage.noise > 0 for stage in stages)
    assert [stage.key for stage in stages] == list(TITLES)


def test_stages_of_different_networks_stand_in_one_order() -> None:
    def course(*keys: str) -> Any:
        return (None, tuple(Stage(key, TITLES[key], 0.0, 0.0) for key in keys))

    early = course("input", "stage3", "defence", "backbone", "logits")
    attentive = course("input", "stage3", "backbone", "attention", "logits")
    for courses in ([attentive, early, course("input", "logits")], [early, attentive]):
        merged = attention_propagation.titles_of(courses)
        assert list(merged) == ["input", "stage3", "defence", "backbone", "attention", "logits"]


def test_pictures_that_differ_have_different_keys(reading: Reading) -> None:
    other = changed(reading)
    keys = [inspection.key_of(pictures) for pictures in ((reading.picture,), (other,), (reading.picture, other))]
    assert len({*keys, inspection.key_of((other, reading.picture))}) == 4
    alone = Inspected(reading)
    assert len(alone.pictures) == len(alone.with_noise) == 1 and alone.attacked is None


def test_pointing_scores_come_from_the_record(start: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDEF_RESULTS_DIR", str(tmp_path))
    assert inspection_scores.pointing("oct") == ()
    weights = next(card.weights.sha256 for card in services.cards() if card.key == "oct/meddef")
    readings = [{"model": "oct/meddef", "weights_sha256": weights, "read_right": {"CNV": {"right": 4, "n": 5}}}]
    row = {"model": "oct/meddef", "map": "gradcam", "score": 0.8, "interval": [0.4, 0.9], "chance": 0.1, "centre": 0.2}
    numbers = {"per_class": 5, "tolerance": 15, "note": "", "rows": [{**row, "hits": 4, "n": 5}], "readings": readings}
    path = write(tmp_path, "pointing/oct.json", record("pointing", numbers, key="oct/all", weights=OTHER))
    (found,) = inspection_scores.pointing("oct")
    assert found.current and found.read_right == (("CNV", 4, 5),)
    assert found.rows == (Pointing("gradcam", 0.8, (0.4, 0.9), 0.1, 0.2, 5),)
    readings[0]["weights_sha256"] = OTHER
    write(tmp_path, "pointing/oct.json", record("pointing", numbers, key="oct/all", weights=OTHER))
    assert not inspection_scores.pointing("oct")[0].current
    path.write_text(json.dumps(record("pointing", numbers | {"readings": []}, key="oct/all", weights=OTHER)))
    with refused_as(DataError, "record.file-damaged-at"):
        inspection_scores.pointing("oct")


def test_contours_follow_the_level_and_touch_nothing_else() -> None:
    values = np.zeros((40, 40), np.float32)
    values[10:30, 10:30] = 1.0
    plain = np.full((40, 40, 3), 100, np.uint8)
    lined = colours.with_contours(plain, values, scale=(0.0, 1.0))
    assert (plain == 100).all()
    assert tuple(lined[10, 20]) == (255, 255, 255)
    assert tuple(lined[20, 20]) == (100, 100, 100) == tuple(lined[2, 2])


def test_words_that_stand_in_constants_have_chinese_ones() -> None:
    infos = [CHANNEL, ATTENTION_FROM, *(explainer.info for explainer in EXPLAINERS.values())]
    words = {MAP_CAVEAT, *TITLES.values(), *attention_compare.WORDS.values(), *attention_scores.PARTS.values()}
    words |= {text for info in infos for text in (info.title, info.meaning)}
    words |= {*attention_sections.LAYERS.values(), attention_sections.NO_MODULE, attention_sections.NO_LAYER}
    words |= {attention_positions.NO_ATTENTION, attention_channels.NO_CHANNELS, attention_propagation.ATTACK_FIRST}
    assert not [word for word in words if catalogue("zh").find(word) is None]


def costly_section() -> None:
    """A page of one section that costs next to nothing."""
    import streamlit as st

    from dashboard.views.attention.work import costly

    found = costly("weighing", [], lambda each: 0, say=str)
    st.caption("given up" if found is None else "computed")


def test_a_cancelled_section_waits_until_it_is_taken_up_again() -> None:
    app = AppTest.from_function(costly_section).run()
    assert not app.exception and text_of(app) == "computed"
    app.session_state[attention_work.CANCELLED] = repr(("weighing", "", [], []))
    app.run()
    assert "Cancelled. The models that were done are kept." in text_of(app) and "given up" in text_of(app)
    app.run()
    assert "given up" in text_of(app)
    app.button(key="attention_go_on_weighing").click().run()
    assert not app.exception and text_of(app) == "computed"


# ---- what a module is worth ---------------------------------------------------------------------------------------


def dissected(root: Path, **changes: Any) -> None:
    own = next(card for card in list_models() if card.key == "oct/meddef")
    document = made.dissection("oct/meddef", own.weights.sha256)
    document["numbers"]["lesions"][1] |= changes
    made.write(root, "dissection/oct/meddef.json", document)


@pytest.mark.parametrize(
    ("changes", "hardly"),
    [({"read_otherwise": 0}, True), ({"read_otherwise": 3}, False), ({"read_otherwise": 0, "p": 0.01}, False)],
)
def test_maps_say_what_their_module_is_worth(page: AppTest, root: Path, changes: dict[str, Any], hardly: bool) -> None:
    dissected(root, **changes)
    said = text_of(section(page, "modules"))
    removed = f"Removing its DAAM changed {changes['read_otherwise']} of 40 predictions of MedDef"
    assert f"{removed}; robust accuracy at ε = 8/255 is 71% without it" in said
    assert ("has little effect on the output" in said) == hardly


def test_worth_is_of_these_weights_and_of_the_module_shown(page: AppTest, root: Path) -> None:
    dissected(root)
    assert "Removing its" not in text_of(section(page, "grad-cam"))
    assert "Removing its" not in text_of(section(page, "channels"))  # not removed in that record
    made.write(root, "dissection/oct/meddef.json", made.dissection("oct/meddef", made.OTHER))
    assert "Removing its" not in text_of(section(page, "modules"))


def overlay_of(app: AppTest) -> dict[str, Any]:
    """The one map that the large viewer is sent."""
    (sent,) = [each.proto for each in app.get("bidi_component") if "attention_viewer" in each.proto.id]
    data: dict[str, Any] = json.loads(sent.json)
    (found,) = data["maps"]
    return data | {"map": found}


def test_one_map_is_large_with_what_it_is_worth_above_it(page: AppTest, root: Path) -> None:
    sent = overlay_of(page)
    assert sent["shown"] == "gradcam" == sent["map"]["key"] and sent["beside"] and len(sent["pictures"]) == 1
    assert "computed from the output itself" in page.main.info[0].value
    attack(page)
    sent = overlay_of(page)
    assert [each["name"] for each in sent["pictures"]] == ["Clean", "Attacked"] and sent["map"]["second"] is not None
    dissected(root, lesion="mfe", read_otherwise=0)
    page.selectbox(key="attention_map").set_value("mfe_edges").run()
    assert overlay_of(page)["shown"] == "mfe_edges"
    assert "This module has little effect on the output" in page.main.info[0].value
    page.segmented_control(key="attention_model").set_value("oct/undefended").run()
    assert page.selectbox(key="attention_map").options == ["Grad-CAM"] and not page.exception


def test_what_maps_are_worth_names_every_map_of_a_module() -> None:
    own = {key for key in EXPLAINERS if key not in inspection.GRADIENT}
    assert set(attention_worth.OF_MAP) == own
    assert {*attention_worth.OF_MAP.values(), *attention_worth.OF_SECTION.values()} == set(attention_worth.MODULES)
    assert not set(attention_worth.MODULES.values()) - set(catalogue("zh").by_wording)
