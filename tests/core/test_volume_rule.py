"""From slices to one statement: the bound that the rule promises, and what it says."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from meddef_core.prediction import Abstention, Familiarity, Fitted, fitted_for
from meddef_core.prediction.prediction import Prediction, from_logits
from meddef_core.prediction.volume_rule import ALPHA, healthy_strengths, judge, needed, strength
from meddef_core.tasks import TASKS
from meddef_core.zoo import LoadedModel, load_model

CLASSES = TASKS["oct"].classes
USUAL = Familiarity("usual", 0.0, 2.0, 3.0, (), None)
LOGITS = {"DME": (0.0, 9.0, 0.0, 0.0), "CNV": (9.0, 0.0, 0.0, 0.0), "NORMAL": (0.0, 0.0, 0.0, 9.0)}


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_model("oct/meddef")


@pytest.fixture(scope="module")
def fitted(model: LoadedModel) -> Fitted:
    found = fitted_for(model)
    assert found is not None
    return found


def predicted(label: str, *, level: str = "usual") -> Prediction:
    values = LOGITS[label]
    shares = tuple((np.exp(values) / np.exp(values).sum()).tolist())
    familiarity = replace(USUAL, level="unusual" if level == "unusual" else "usual")
    abstained = Abstention("noise", (), "Noise.") if level == "refused" else None
    return Prediction(
        model="oct/meddef", classes=CLASSES, probabilities=shares, logits=values, index=CLASSES.index(label),
        label=label, familiarity=familiarity, abstained=abstained,
    )  # fmt: skip


def volume(*labels: str, level: str = "usual") -> dict[int, Prediction | None]:
    return {number: predicted(label, level=level) for number, label in enumerate(labels, start=1)}


@given(st.integers(1, 500), st.integers(1, 400), st.sampled_from([0.01, 0.05, 0.1, 0.2]))
def test_the_bound_holds_and_no_smaller_number_has_it(slices: int, healthy: int, alpha: float) -> None:
    least = needed(slices, healthy=healthy, alpha=alpha)
    bound = slices / ((healthy + 1) * alpha)
    if least is None:
        assert bound > slices
        return
    assert 1 <= least <= slices and least >= bound - 1e-6
    assert least == 1 or least - 1 < bound


@pytest.mark.parametrize("copies", [1, 7, 49])
def test_healthy_volumes_are_reported_no_more_often_than_promised(copies: int) -> None:
    """By simulation: slices that err together (blocks of copies) against one draw of healthy scans each time."""
    rng, healthy, slices, trials = np.random.default_rng(copies), 38, 49, 20_000
    least = needed(slices, healthy=healthy)
    assert least is not None
    own = np.repeat(rng.random((trials, slices // copies)), copies, axis=1)
    beyond = (own > rng.random((trials, healthy)).max(axis=1, keepdims=True)).sum(axis=1)
    share = float((beyond >= least).mean())
    assert share <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / trials)
    if copies == 49:  # one error makes all: the bound of one slice
        assert share == pytest.approx(1 / (healthy + 1), abs=0.004)


def test_a_healthy_slice_is_beyond_all_of_m_once_in_m_plus_one() -> None:
    ranks = rankdata(np.random.default_rng(0).random((5000, 39)), axis=1)[:, 0]
    assert float((ranks == 39).mean()) == pytest.approx(1 / 39, abs=0.007)


def test_the_number_asked_for_with_the_shipped_model(fitted: Fitted) -> None:
    healthy = healthy_strengths(fitted, CLASSES)
    assert healthy == sorted(healthy, reverse=True) and len(healthy) == int((fitted.val.labels == 3).sum())
    assert needed(49, healthy=len(healthy)) == ceil(49 / (0.1 * (len(healthy) + 1)))


def test_enough_slices_are_a_finding_and_one_fewer_is_none(fitted: Fitted) -> None:
    count = 49
    least = needed(count, healthy=len(healthy_strengths(fitted, CLASSES)))
    assert least is not None
    for flagged, outcome in ((least, "finding"), (least - 1, "none")):
        verdict = judge(volume(*["DME"] * flagged, *["NORMAL"] * (count - flagged)), fitted)
        assert verdict is not None
        assert (verdict.outcome, verdict.flagged) == (outcome, tuple(range(1, flagged + 1)))
        assert verdict.label == "DME" and f"{flagged} of {count}" in verdict.sentence


def test_the_finding_of_most_slices_gives_the_name(fitted: Fitted) -> None:
    verdict = judge(volume(*["CNV"] * 9, *["DME"] * 20), fitted)
    assert verdict is not None and verdict.label == "DME" and dict(verdict.counts) == {"DME": 20, "CNV": 9}


@pytest.mark.parametrize("level", ["unusual", "refused"])
def test_slices_that_are_not_accepted_count_for_nothing(fitted: Fitted, level: str) -> None:
    verdict = judge(volume(*["DME"] * 30, level=level), fitted)
    assert verdict is not None and verdict.outcome == "abstains" and verdict.accepted == 0 and verdict.flagged == ()
    half = volume(*["DME"] * 30) | {n: predicted("DME", level=level) for n in range(31, 62)}
    verdict = judge(half, fitted)
    assert verdict is not None and verdict.outcome == "abstains"


def test_slices_that_cannot_be_read_stay_in_the_number(fitted: Fitted) -> None:
    verdict = judge(volume(*["NORMAL"] * 20) | dict.fromkeys(range(21, 31)), fitted)
    assert verdict is not None and (verdict.slices, verdict.accepted, verdict.outcome) == (30, 20, "none")


def test_a_finding_below_the_strongest_healthy_scan_does_not_count(model: LoadedModel, fitted: Fitted) -> None:
    import torch

    weak = from_logits(model, torch.tensor([0.0, 0.1, 0.0, 0.0]))
    assert weak.label == "DME"
    strongest = healthy_strengths(fitted, CLASSES)[0]
    counts = strength(weak, fitted) > strongest
    verdict = judge(dict.fromkeys(range(1, 21), replace(weak, familiarity=USUAL)), fitted)
    assert verdict is not None and bool(verdict.flagged) == counts


def test_few_pictures_are_no_volume(fitted: Fitted) -> None:
    assert judge(volume(*["DME"] * 4), fitted) is None
    assert judge(dict.fromkeys(range(1, 10)), fitted) is None


@pytest.mark.parametrize("labels", [["DME"] * 30, ["NORMAL"] * 30])
def test_what_is_said_states_the_rule_and_its_limits(fitted: Fitted, labels: list[str]) -> None:
    verdict = judge(volume(*labels), fitted)
    assert verdict is not None
    for part in (str(verdict.needed), f"1 in {verdict.healthy + 1}".split()[-1], "10%", "not validated on volumes"):
        assert part in verdict.rule
    assert "%" not in verdict.sentence  # no probability of the whole volume is claimed
