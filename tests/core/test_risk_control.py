"""Thresholds that control the share of wrong and accepted outputs, against brute force and by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from meddef_core.errors import DataError
from meddef_core.prediction.risk_control import (
    NOTHING,
    RiskSource,
    controlled_threshold,
    folds_of,
    smallest_threshold,
)


def brute_force(scores: NDArray[np.float64], wrong: NDArray[np.bool_], alpha: float) -> float:
    n = len(scores)
    good = [t for t in scores if (((scores <= t) & wrong).sum() + 1) / (n + 1) <= alpha + 1e-12]
    return max(good, default=NOTHING)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=60),
    st.sampled_from([0.02, 0.05, 0.1, 0.3]),
)
def test_it_accepts_what_brute_force_accepts(pairs: list[tuple[int, bool]], alpha: float) -> None:
    scores = np.array([float(score) for score, _ in pairs])
    wrong = np.array([error for _, error in pairs])
    found = controlled_threshold(scores, wrong, alpha=alpha)
    np.testing.assert_array_equal(scores <= found, scores <= brute_force(scores, wrong, alpha))


def test_the_risk_of_the_next_scan_is_at_most_alpha() -> None:
    rng = np.random.default_rng(0)
    risks = []
    for _ in range(400):
        scores = rng.normal(size=101)
        wrong = rng.random(101) < 1 / (1 + np.exp(-scores))
        threshold = controlled_threshold(scores[:100], wrong[:100], alpha=0.1)
        risks.append(bool(wrong[100] and scores[100] <= threshold))
    assert np.mean(risks) < 0.1 + 2 * np.sqrt(0.1 * 0.9 / 400)


def test_too_few_scans_promise_nothing() -> None:
    assert controlled_threshold(np.zeros(10), np.zeros(10, bool), alpha=0.05) == NOTHING
    assert controlled_threshold(np.zeros(19), np.zeros(19, bool), alpha=0.05) == np.inf


def test_the_strictest_source_decides() -> None:
    rng = np.random.default_rng(1)
    scores = rng.random(200)
    right = RiskSource("right", scores, np.zeros(200, bool), np.arange(200).astype(str))
    false = RiskSource("false", scores, np.ones(200, bool), np.arange(200).astype(str))
    both = smallest_threshold({"right": right, "false": false}, alpha=0.05)
    assert both == controlled_threshold(scores, np.ones(200, bool), alpha=0.05) < np.inf
    assert (scores <= both).mean() <= 0.05


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 12), max_size=80).map(lambda drawn: [*drawn, 0, 1, 2, 3, 4]), st.integers(2, 5))
def test_a_group_stays_in_one_fold(groups: list[int], folds: int) -> None:
    names = np.array([str(group) for group in groups])
    found = folds_of(names, folds=folds)
    assert all(len(set(found[names == name])) == 1 for name in set(names))
    assert set(found) == set(range(folds))


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(DataError, match="do not belong"):
        RiskSource("x", np.zeros(3), np.zeros(2, bool), np.array(["a", "b", "c"]))
    with pytest.raises(DataError, match="between 0 and 1"):
        controlled_threshold(np.zeros(3), np.zeros(3, bool), alpha=1.0)
    with pytest.raises(DataError, match="2 groups cannot be dealt into 5 folds"):
        folds_of(np.array(["a", "b", "a"]), folds=5)
