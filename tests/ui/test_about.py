"""The page "About": cards whole and damaged, and what stands beside the weights."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import robustness_records as made
import streamlit as st
from app_driving import ABOUT, speak_chinese, text_of
from streamlit.testing.v1 import AppTest

from dashboard.catalogue import catalogue
from dashboard.services import records
from dashboard.views.about.card_facts import OBJECTIVES, facts
from meddef_core.intended_use import INTENDED_USE
from meddef_core.tasks import TASKS
from meddef_core.zoo import MODELS, Card, list_models

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {
    "overview": "Overview",
    "models": "Models",
    "data": "Data",
    "privacy": "Privacy",
    "versions": "Versions, licence and citation",
}
SHARE = {"share": 0.9855, "hits": 272, "n": 276, "interval": [0.963, 0.994]}


@pytest.fixture
def card(models_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    """A card in a folder of models that the test may write to."""
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path))
    source = models_root / "oct" / "meddef" / "card.json"
    made.write(tmp_path, "oct/meddef/card.json", source.read_text(encoding="utf-8"))
    st.cache_resource.clear()
    return list_models()[0]


def reading(card: Card, **changes: object) -> dict[str, object]:
    calibration = {
        "n": 126, "interval": [0.03, 0.077], "uncalibrated": {"expected_calibration_error": 0.1216},
        "calibrated": {"expected_calibration_error": 0.0311},
    }  # fmt: skip
    test = {"calibration": calibration, "accepted": {"accepted": SHARE}, "refused": {"refused": SHARE}}
    return {"weights_sha256": card.weights.sha256, "temperature": 0.617, "test": test} | changes


def about_section(app: AppTest, name: str) -> AppTest:
    """One section of the page; only that one is computed."""
    app.segmented_control(key="about_section").set_value(name).run()
    assert not app.exception
    return app


def each_card(app: AppTest) -> Iterator[Card]:
    """Every model that ships, with its card on the page."""
    about_section(app, "models")
    for task in TASKS:
        app.segmented_control(key="about_task").set_value(task).run()
        for card in (card for card in list_models() if card.task == task):
            app.selectbox(key=f"about_model_{task}").set_value(card.key).run()
            assert not app.exception
            yield card


def test_the_first_section_says_what_it_is_for_and_its_limits(start: Callable[[], AppTest]) -> None:
    app = start()
    app.switch_page(ABOUT).run()
    assert not app.exception and not app.warning
    said = text_of(app)
    assert INTENDED_USE in said and "no measurable benefit" in said and "Two narrow questions" in said
    assert "SHA-256" not in said and "never written to disk" not in said
    assert list(app.segmented_control(key="about_section").options) == list(SECTIONS.values())


def test_every_section_holds_its_facts(start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDEF_MODELS_DIR")
    app = start()
    app.switch_page(ABOUT).run()
    for card in each_card(app):
        said = text_of(app)
        for part in ("train", "val", "test"):
            assert card.data["lists"][part]["sha256"][:12] in said
        assert f"seed {card.training['recipe']['seed']}" in said
        (table,) = app.table
        assert len(table.value) == len({row["eps"] for row in card.metrics["attacked"]}) + 1
    assert "Licence: CC" in text_of(about_section(app, "data"))
    assert "never written to disk" in text_of(about_section(app, "privacy"))
    assert f"meddef {records.software()['meddef']}" in text_of(about_section(app, "versions"))


def test_a_model_that_was_not_measured_says_so(app: AppTest) -> None:
    app.switch_page(ABOUT).run()
    for card in each_card(app):
        assert card.weights.sha256[:12] in text_of(app) and "Not yet measured." in text_of(app)


def test_a_model_is_called_in_the_reader_s_language(
    start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDDEF_MODELS_DIR")
    app = speak_chinese(start(), monkeypatch)
    app.switch_page(ABOUT).run()
    told = catalogue("zh").by_wording
    for card in each_card(app):
        assert f"**{told[card.title]}** (`{card.key}`): {told[card.summary]}" in text_of(app)


def test_a_damaged_card_is_named_and_the_others_stay(card: Card, models_root: Path, tmp_path: Path) -> None:
    made.write(tmp_path, "oct/broken/card.json", "{}")
    made.write(tmp_path, "chest/meddef/card.json", (models_root / "chest/meddef/card.json").read_text())
    app = AppTest.from_file(str(ROOT / ABOUT), default_timeout=60).run()
    assert not app.exception
    assert [warning.value.split(" ")[0] for warning in app.warning] == ["oct/broken/card.json"]
    assert card.weights.sha256[:12] in text_of(about_section(app, "models"))


def test_what_was_done_to_the_weights_is_told(card: Card) -> None:
    def said(**changes: object) -> str:
        return "\n".join(facts(card.model_copy(update=changes)))

    assert "Pruned" not in said() and "offsets" not in said()
    pruned = said(metrics={"nonzero_weights": 100, "prunable_weights": 1000})
    assert "Pruned: 100 of 1,000 prunable weights are not zero (10%)" in pruned
    assert "Pruned" not in said(metrics={"nonzero_weights": 990, "prunable_weights": 1000})
    balanced = said(training={"offsets": {"by_class": {"NORMAL": 0.0, "PNEUMONIA": 0.7}}})
    assert "chosen on validation patients: NORMAL +0.00, PNEUMONIA +0.70" in balanced
    over = said(training={"offsets": {"by_class": {"NORMAL": 0.0, "PNEUMONIA": 0.4}, "shifts": ["none", "rim"]}})
    assert "as they are and stretched, cut and brightened: NORMAL +0.00, PNEUMONIA +0.40" in over


def test_how_a_network_was_trained_is_told_in_words() -> None:
    for card in list_models(MODELS):
        kind = card.objective
        trained = next(fact for fact in facts(card) if fact.startswith("Trained on"))
        assert kind is not None and trained.startswith(f"Trained on: {OBJECTIVES[kind]}")
        assert card.key != "oct/meddef-large-eps" or trained.endswith("ε = 0.1")


def test_time_beside_a_network_of_smaller_images_says_so(card: Card) -> None:
    metrics = {"latency": {"ratio": 2.0, "beside": "oct/undefended"}}
    own = card.model_copy(update={"config": card.config | {"pool": 1}, "metrics": metrics})
    beside = card.model_copy(update={"name": "undefended", "config": card.config | {"pool": 2}})
    same = beside.model_copy(update={"config": own.config})
    said = "\n".join(facts(own, others=[own, beside]))
    assert "that one works on images of 112 x 112 pixels, this one of 224 x 224" in said
    for others in ([own, same], []):
        assert "2.00 times that of oct/undefended, in turns on one core" in list(facts(own, others=others))[1]
        assert "that one works" not in "\n".join(facts(own, others=others))


def test_calibration_of_these_weights_is_told(card: Card, tmp_path: Path) -> None:
    made.write(tmp_path, "oct/meddef/reading.json", reading(card))
    said = "\n".join(facts(card))
    assert "Calibration error 0.031 (95% interval 0.030 to 0.077, n = 126)" in said
    assert "0.122 before its temperature of 0.62" in said
    assert "Other pictures that it refuses to read: 98.6% (96.3 to 99.4, n = 276)" in said


@pytest.mark.parametrize("changes", [{"weights_sha256": "other"}, {"test": {}}, {"test": {"calibration": 3}}])
def test_calibration_that_is_not_there_is_not_told(card: Card, tmp_path: Path, changes: dict[str, object]) -> None:
    made.write(tmp_path, "oct/meddef/reading.json", json.dumps(reading(card, **changes)))
    said = "\n".join(facts(card))
    assert "before its temperature" not in said and "refuses" not in said
    assert card.weights.sha256[:12] in said
