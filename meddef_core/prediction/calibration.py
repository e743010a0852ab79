"""Temperature scaling (Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599, section 4.2), and
how sure the error of calibration is. NumPy in, plain numbers out.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from meddef_core.errors import DataError
from meddef_core.evaluation.metrics import expected_calibration_error
from meddef_core.text import Text

COLDEST, HOTTEST = 0.05, 20.0
"""Temperatures outside are never what a fit on hundreds of patients means."""

STEEPEST = 3.0
"""Largest slope of the temperature over the distance: with it, two spreads away every output is even."""


def calibrate(logits: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Softmax of `logits / temperature` over the last axis; the largest class stays the largest."""
    if not temperature > 0:
        raise DataError(
            Text(
                "prediction.temperature-positive",
                "a temperature must be positive, not {temperature}",
                temperature=temperature,
            )
        )
    return np.asarray(softmax(np.asarray(logits, dtype=np.float64) / temperature, axis=-1))


def negative_log_likelihood(logits: ArrayLike, labels: ArrayLike, temperature: float) -> float:
    """Mean of -log p(label) in nats, of `(n, classes)` logits and `(n,)` class numbers."""
    table, truth = _checked(logits, labels)
    return float(-log_softmax(table / temperature, axis=1)[np.arange(len(truth)), truth].mean())


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature with the smallest negative log-likelihood on these images (section 4.2).

    The likelihood is convex in 1/T, so that its one minimum is found by a bounded search over that. Raises DataError
    for lists that do not belong together.
    """
    table, truth = _checked(logits, labels)
    found = minimize_scalar(
        lambda inverse: negative_log_likelihood(table, truth, 1 / inverse),
        bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded", options={"xatol": 1e-6},
    )  # fmt: skip
    return float(1 / found.x)


def tempered(logits: ArrayLike, distances: ArrayLike, *, slope: float) -> NDArray[np.float64]:
    """Logits `(n, classes)` divided by exp(`slope` * distance), `(n,)` in spreads beyond the usual; less near 0.

    A probability far from the training scans is worth less than the same one among them (Ovadia et al. 2019, Can You
    Trust Your Model's Uncertainty?, arXiv:1906.02530).
    """
    if slope < 0:
        raise DataError(
            Text(
                "prediction.temperature-slope",
                "the slope of a temperature must not be negative, but it is {slope}",
                slope=slope,
            )
        )
    hotter = np.exp(slope * np.maximum(np.asarray(distances, dtype=np.float64), 0.0))
    return np.asarray(np.asarray(logits, dtype=np.float64) / hotter[:, None])


def fit_slope(logits: ArrayLike, labels: ArrayLike, distances: ArrayLike, *, temperature: float) -> float:
    """The slope of `tempered` with the smallest negative log-likelihood on scans that lie away from the training scans.

    Raises DataError for lists that do not belong together.
    """
    table, truth = _checked(logits, labels)
    found = minimize_scalar(
        lambda slope: negative_log_likelihood(tempered(table, distances, slope=slope), truth, temperature),
        bounds=(0.0, STEEPEST), method="bounded", options={"xatol": 1e-4},
    )  # fmt: skip
    return float(found.x)


def error_interval(
    probabilities: ArrayLike, labels: ArrayLike, *, draws: int = 500, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the expected calibration error (equal width, 15 bins) over images.

    The error of a small list is biased upwards, and its bootstrap more so: the interval says how coarse the figure is.
    """
    table, truth = _checked(probabilities, labels)
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(truth), (draws, len(truth)))
    errors = [expected_calibration_error(table[pick], truth[pick]) for pick in picks]
    low, high = np.quantile(errors, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _checked(table: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rows, truth = np.asarray(table, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if rows.ndim != 2 or truth.shape != rows.shape[:1] or not len(rows):
        raise DataError(
            Text(
                "evaluation.numbers-labels",
                "{numbers} numbers and {labels} labels do not belong together",
                numbers=rows.shape,
                labels=truth.shape,
            )
        )
    if not np.isfinite(rows).all() or truth.min() < 0 or truth.max() >= rows.shape[1]:
        raise DataError(Text("evaluation.numbers-finite", "numbers must be finite, and labels among the classes"))
    return rows, truth
