"""Questions with a real attack ask about scans that the model does not abstain from."""

import pytest

from dashboard.classroom.live import ATTACKED, LIVE, make
from dashboard.classroom.words import translator
from dashboard.services import classroom as computed
from dashboard.services import shared as services

SEEDS = range(6)


@pytest.fixture(autouse=True)
def short_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDEF_DATA_DIR", raising=False)


@pytest.mark.parametrize("kind", LIVE)
def test_no_question_is_about_a_scan_that_the_model_abstains_from(kind: str) -> None:
    model = computed.model_of("oct", ATTACKED)
    readings = {each.key: computed.prediction(model, each.key) for each in services.samples("oct")}
    abstained = {key for key, reading in readings.items() if reading.abstained is not None}
    assert abstained and abstained != set(readings)
    for seed in SEEDS:
        question = make(kind, task="oct", level="easy", tr=translator("en"), seed=seed)
        assert all(picture.after for picture in question.pictures)
        if kind != "map":
            assert question.draft.facts["sample"] not in abstained


def test_where_the_model_abstains_from_every_scan_one_is_asked_about_and_no_probability_shown() -> None:
    question = make("model", task="chest", level="easy", tr=translator("en"), seed=1)
    assert all("%" not in picture.after and "abstains" in picture.after for picture in question.pictures)
