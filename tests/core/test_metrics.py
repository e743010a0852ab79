"""Metrics against scikit-learn, scipy and torchmetrics, pinned numbers, and simulation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, recall_score, roc_auc_score
from torchmetrics.functional.classification import multiclass_calibration_error

from meddef_core.errors import DataError
from meddef_core.evaluation.metrics import (
    auroc,
    balanced_accuracy,
    balanced_interval,
    confusion,
    expected_calibration_error,
    recalls,
    wilson,
)

CLASSES = st.integers(2, 8)


@settings(max_examples=50, deadline=None)
@given(classes=CLASSES, n=st.integers(0, 60), seed=st.integers(0, 10**6))
def test_counts_are_scikit_learns(classes: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=n)])  # each class at least once
    guess = rng.integers(classes, size=len(labels))
    everything = np.arange(classes)
    assert (confusion(labels, guess, classes=classes) == confusion_matrix(labels, guess, labels=everything)).all()
    assert np.allclose(recalls(labels, guess, classes=classes), recall_score(labels, guess, average=None))
    assert balanced_accuracy(labels, guess, classes=classes) == pytest.approx(balanced_accuracy_score(labels, guess))
    low, high = balanced_interval(labels, guess, classes=classes)
    assert 0 <= low <= balanced_accuracy(labels, guess, classes=classes) <= high <= 1


def test_tensors_and_lists_are_taken() -> None:
    assert balanced_accuracy([0, 0, 1], torch.tensor([0, 1, 1]), classes=2) == 0.75


@pytest.mark.parametrize(
    ("k", "n", "confidence", "low", "high"),
    [
        (0, 10, 0.95, 0.0, 0.277533),  # z^2 / (n + z^2)
        (10, 10, 0.95, 0.722467, 1.0),
        (81, 263, 0.95, 0.255274, 0.366246),
        (15, 148, 0.95, 0.062386, 0.160507),
        (1, 29, 0.95, 0.006113, 0.171755),
    ],
)
def test_wilson_pinned(k: int, n: int, confidence: float, low: float, high: float) -> None:
    """The ends in closed form; the last three are examples of Newcombe 1998, method 3."""
    assert wilson(k, n, confidence) == pytest.approx((low, high), abs=1e-4)


@given(n=st.integers(1, 10_000), share=st.floats(0, 1), confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
@settings(max_examples=60, deadline=None)
def test_wilson_is_scipys(n: int, share: float, confidence: float) -> None:
    k = round(share * n)
    found = wilson(k, n, confidence)
    assert found == pytest.approx(tuple(binomtest(k, n).proportion_ci(confidence, "wilson")), abs=1e-9)
    assert 0 <= found[0] <= k / n <= found[1] <= 1


def test_balanced_interval_covers_the_truth_as_often_as_it_says() -> None:
    """4,000 simulated test lists of the chest task's size and unbalance: 95 % within one point and a half."""
    rng = np.random.default_rng(0)
    truth, sizes = np.array([0.95, 0.7]), np.array([40, 120])
    labels = np.repeat([0, 1], sizes)
    covered = 0
    for _ in range(4000):
        hit = rng.random(len(labels)) < truth[labels]
        low, high = balanced_interval(labels, np.where(hit, labels, 1 - labels), classes=2)
        covered += low <= truth.mean() <= high
    assert covered / 4000 == pytest.approx(0.95, abs=0.015)


def test_balanced_interval_keeps_a_width_when_nothing_is_wrong() -> None:
    labels = np.repeat([0, 1, 2], 20)
    low, high = balanced_interval(labels, labels, classes=3)
    assert low < 0.95 and high == 1
    assert balanced_interval(labels, labels, classes=3, confidence=0.99)[0] < low


@settings(max_examples=40, deadline=None)
@given(classes=CLASSES, n=st.integers(1, 80), bins=st.integers(1, 20), seed=st.integers(0, 10**6))
def test_calibration_error_is_torchmetrics(classes: int, n: int, bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(classes, 0.5), size=n)
    labels = rng.integers(classes, size=n)
    theirs = multiclass_calibration_error(
        torch.tensor(probabilities), torch.tensor(labels), num_classes=classes, n_bins=bins, norm="l1"
    )
    assert expected_calibration_error(probabilities, labels, bins) == pytest.approx(float(theirs), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(classes=CLASSES, n=st.integers(1, 60), seed=st.integers(0, 10**6), ties=st.booleans())
def test_areas_are_scikit_learns(classes: int, n: int, seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.random((n + classes, classes)).round(1 if ties else 12)
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=n)])
    theirs = [roc_auc_score(labels == index, scores[:, index]) for index in range(classes)]
    assert auroc(scores, labels) == pytest.approx(theirs, abs=1e-12)
    assert auroc(scores**3, labels) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "labels", "sentence"),
    [
        ([[0.1, 0.9]] * 2, [1, 1], "every class"),
        ([[0.1, 0.9]], [0, 1], "do not belong together"),
        ([[0.1, np.nan]] * 2, [0, 1], "finite"),
        ([0.1, 0.9], [0, 1], "shape"),
    ],
)
def test_areas_that_are_undefined_are_refused(scores: list, labels: list, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        auroc(scores, labels)


def test_calibration_error_of_known_cases() -> None:
    sure = np.array([[1.0, 0.0]] * 4)
    assert expected_calibration_error(sure, [0, 0, 0, 0]) == 0
    assert expected_calibration_error(sure, [0, 0, 1, 1]) == 0.5
    assert expected_calibration_error([[0.75, 0.25]] * 4, [0, 0, 0, 1]) == pytest.approx(0)


@pytest.mark.parametrize(
    ("labels", "guess", "sentence"),
    [
        ([0, 0], [0, 1], "class 1 has no image"),
        ([], [], "at least one"),
        ([0, 1], [0], "do not belong together"),
        ([0, 2], [0, 1], "labels must lie between 0 and 1"),
        ([0, 1], [0, -1], "predictions must lie between 0 and 1"),
        ([0.0, 1.0], [0, 1], "whole class number"),
        ([[0], [1]], [0, 1], "whole class number"),
    ],
)
def test_what_is_undefined_gets_a_sentence(labels: list, guess: list, sentence: str) -> None:
    for function in (recalls, balanced_accuracy, balanced_interval):
        with pytest.raises(DataError, match=sentence):
            function(labels, guess, classes=2)


@pytest.mark.parametrize(
    ("k", "n", "confidence"), [(0, 0, 0.95), (-1, 5, 0.95), (6, 5, 0.95), (1, 2, 0.0), (1, 2, 1.0)]
)
def test_shares_that_are_none_are_refused(k: int, n: int, confidence: float) -> None:
    with pytest.raises(DataError):
        wilson(k, n, confidence)


@pytest.mark.parametrize(
    ("probabilities", "labels", "bins", "sentence"),
    [
        ([0.5, 0.5], [0], 15, "shape"),
        ([[0.5, 0.6]], [0], 15, "sum to 1"),
        ([[-0.5, 1.5]], [0], 15, "not negative"),
        ([[np.nan, 1.0]], [0], 15, "finite"),
        ([[0.5, 0.5]], [0, 1], 15, "do not belong together"),
        ([[0.5, 0.5]], [2], 15, "labels must lie"),
        ([[0.5, 0.5]], [0], 0, "at least one bin"),
    ],
)
def test_probabilities_that_are_none_are_refused(probabilities: list, labels: list, bins: int, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        expected_calibration_error(probabilities, labels, bins)
