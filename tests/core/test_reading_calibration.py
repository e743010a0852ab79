"""Temperature, reliability and thresholds against what can be counted or minimised by hand."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from refusals import refused_as
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from meddef_core.errors import DataError
from meddef_core.evaluation.metrics import expected_calibration_error
from meddef_core.prediction import (
    Proportion,
    ThresholdQuestion,
    calibrate,
    calibration_error,
    fit_temperature,
    operating_point,
    predictive_values,
    questions,
    reliability,
    threshold_at_sensitivity,
    youden_threshold,
)
from meddef_core.prediction.calibration import error_interval, fit_slope, negative_log_likelihood, tempered
from meddef_core.tasks import TASKS


def drawn(n: int, *, classes: int = 4, seed: int = 0, true_temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their softmax at a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, classes)) * 2
    shares = softmax(logits / true_temperature, axis=1)
    return logits, np.array([rng.choice(classes, p=row) for row in shares])


# ---- temperature -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_the_minimum_of_the_likelihood(true_temperature: float) -> None:
    logits, labels = drawn(400, true_temperature=true_temperature)

    def loss(log_t: float) -> float:
        shares = softmax(logits / np.exp(log_t), axis=1)
        return float(-np.log(shares[np.arange(400), labels]).mean())

    oracle = np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(oracle, rel=1e-3)
    assert found == pytest.approx(true_temperature, rel=0.25)
    best = negative_log_likelihood(logits, labels, found)
    assert all(best <= negative_log_likelihood(logits, labels, found * step) for step in (0.9, 0.99, 1.01, 1.1))


def test_calibration_keeps_the_order_of_the_classes_and_sums_to_one() -> None:
    logits, _ = drawn(50)
    for temperature in (0.2, 1.0, 5.0):
        shares = calibrate(logits, temperature)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        np.testing.assert_array_equal(np.argsort(shares, axis=1), np.argsort(logits, axis=1))
    with refused_as(DataError, "prediction.temperature-positive"):
        calibrate(logits, 0.0)


@pytest.mark.parametrize("true_slope", [0.0, 0.4, 1.0])
def test_the_slope_of_the_temperature_is_found_again(true_slope: float) -> None:
    rng = np.random.default_rng(4)
    distances = rng.uniform(-1.5, 2.5, 4000)
    logits = rng.normal(size=(4000, 4)) * 4
    shares = softmax(logits / 1.5 / np.exp(true_slope * np.maximum(distances, 0))[:, None], axis=1)
    labels = np.array([rng.choice(4, p=row) for row in shares])
    assert fit_slope(logits, labels, distances, temperature=1.5) == pytest.approx(true_slope, abs=0.08)


def test_tempering_leaves_near_scans_alone_and_never_moves_the_largest_class() -> None:
    rng = np.random.default_rng(5)
    logits, distances = rng.normal(size=(200, 3)), rng.uniform(-2, 4, 200)
    after = tempered(logits, distances, slope=0.7)
    np.testing.assert_array_equal(after[distances <= 0], logits[distances <= 0])
    np.testing.assert_array_equal(after.argmax(axis=1), logits.argmax(axis=1))
    assert (np.ptp(after, axis=1) <= np.ptp(logits, axis=1)).all()
    with refused_as(DataError, "prediction.temperature-slope"):
        tempered(logits, distances, slope=-0.1)


# ---- calibration error -------------------------------------------------------------------------------------------


def brute_force(shares: np.ndarray, labels: np.ndarray, *, bins: int) -> float:
    """Guo's definition, image by image."""
    total = 0.0
    for k in range(bins):
        inside = [i for i, row in enumerate(shares) if k / bins < row.max() <= (k + 1) / bins]
        if inside:
            accuracy = sum(shares[i].argmax() == labels[i] for i in inside) / len(inside)
            confidence = sum(shares[i].max() for i in inside) / len(inside)
            total += len(inside) / len(labels) * abs(accuracy - confidence)
    return total


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_the_calibration_error_is_the_definition(bins: int) -> None:
    logits, labels = drawn(157, seed=3)
    shares = calibrate(logits, 0.6)
    table = reliability(shares, labels, bins=bins)
    assert calibration_error(table) == pytest.approx(brute_force(shares, labels, bins=bins))
    assert calibration_error(table) == pytest.approx(expected_calibration_error(shares, labels, bins))
    assert sum(one.n for one in table) == 157 and all(one.low < one.confidence <= one.high for one in table)


def test_bins_of_equal_mass_hold_equally_many() -> None:
    logits, labels = drawn(103)
    table = reliability(calibrate(logits, 1.0), labels, bins=10, edges="mass")
    assert {one.n for one in table} == {10, 11} and len(table) == 10
    assert all(one.high <= other.low for one, other in pairwise(table))


def test_an_overconfident_model_is_mended() -> None:
    logits, labels = drawn(2000, true_temperature=3.0)
    before = calibration_error(reliability(calibrate(logits, 1.0), labels))
    shares = calibrate(logits, fit_temperature(logits, labels))
    after = calibration_error(reliability(shares, labels))
    low, high = error_interval(shares, labels, draws=100)
    assert before > 0.15 and after < 0.05 and 0 <= low < high < 0.1


def test_lists_that_do_not_belong_together_are_refused() -> None:
    with refused_as(DataError, "evaluation.numbers-labels"):
        fit_temperature(np.zeros((3, 2)), np.zeros(4, dtype=int))
    with refused_as(DataError, "evaluation.numbers-finite"):
        reliability(np.full((2, 2), 0.5), np.array([0, 2]))
    with refused_as(DataError, "evaluation.calibration-of-none"):
        calibration_error(())


# ---- operating points --------------------------------------------------------------------------------------------


def test_what_can_be_asked_of_each_task() -> None:
    assert questions(TASKS["chest"]) == (ThresholdQuestion("PNEUMONIA", (1,)),)
    assert [q.key for q in questions(TASKS["oct"])] == ["any finding", "CNV", "DME", "DRUSEN"]
    assert questions(TASKS["oct"])[0].positive == (0, 1, 2)


def test_youden_is_the_best_of_all_thresholds() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.4
    scores = np.clip(rng.normal(0.4 + 0.25 * truth, 0.15), 0, 1)
    found = operating_point(scores, truth, threshold=youden_threshold(scores, truth))
    index = found.sensitivity.value + found.specificity.value
    for threshold in np.linspace(0, 1, 501):
        other = operating_point(scores, truth, threshold=float(threshold))
        assert other.sensitivity.value + other.specificity.value <= index + 1e-12


@pytest.mark.parametrize("sensitivity", [0.5, 0.9, 0.99, 1.0])
def test_a_named_sensitivity_is_kept_at_the_highest_threshold(sensitivity: float) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(150) < 0.3
    scores = np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1)
    threshold = threshold_at_sensitivity(scores, truth, sensitivity=sensitivity)
    assert operating_point(scores, truth, threshold=threshold).sensitivity.value >= sensitivity
    next_positive = scores[truth & (scores > threshold)].min()
    assert operating_point(scores, truth, threshold=float(next_positive) + 1e-9).sensitivity.value < sensitivity


def test_shares_carry_wilsons_interval() -> None:
    # Agresti and Coull 1998 and every table: 0 of 10 gives 0 to 0.2775, 9 of 10 0.5958 to 0.9821.
    assert Proportion(0, 10).interval == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert Proportion(9, 10).interval == pytest.approx((0.5958, 0.9821), abs=1e-4)


def test_predictive_values_are_counts_of_a_thousand_people() -> None:
    # 1000 people, 100 with the finding: 90 found, 10 missed; 720 spared, 180 alarmed.
    ppv, npv = predictive_values(0.9, 0.8, prevalence=0.1)
    assert ppv == pytest.approx(float(Fraction(90, 90 + 180))) and npv == pytest.approx(float(Fraction(720, 730)))
    assert predictive_values(0.9, 0.8, prevalence=0.0) == (0.0, 1.0)
    assert predictive_values(0.0, 1.0, prevalence=0.3)[0] is None
    with pytest.raises(DataError, match="between 0 and 1"):
        predictive_values(1.2, 0.5, prevalence=0.1)


def test_a_threshold_needs_both_sides() -> None:
    with refused_as(DataError, "prediction.threshold-scans"):
        youden_threshold(np.array([0.1, 0.9]), np.array([True, True]))
