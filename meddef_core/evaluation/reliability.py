"""Confidence against accuracy, bin by bin, and the error of calibration (Guo et al. 2017, On Calibration of Modern
Neural Networks, arXiv:1706.04599, section 2). NumPy in, plain numbers out.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meddef_core.errors import DataError
from meddef_core.text import Text

Edges = Literal["width", "mass"]
"""Bins of equal width, or with equally many images."""

BINS = 15
"""As in Guo et al. 2017, section 5."""


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose top probability lies in a bin: how many, how sure the model was, how often it was right."""

    low: float
    high: float
    n: int
    confidence: float
    correct: int

    @property
    def accuracy(self) -> float:
        """Share that is predicted correctly."""
        return self.correct / self.n


def reliability(
    probabilities: ArrayLike, labels: ArrayLike, *, bins: int = BINS, edges: Edges = "width"
) -> tuple[ReliabilityBin, ...]:
    """Confidence against accuracy of the top class, bin by bin; bins without an image are left out.

    `probabilities` is `(n, classes)`, `labels` `(n,)`. Bins of equal width are open below and closed above; those of
    equal mass hold n / bins images each, as nearly as whole images can.
    """
    table, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if table.ndim != 2 or truth.shape != table.shape[:1] or not len(table):
        raise DataError(
            Text(
                "evaluation.numbers-labels",
                "{numbers} numbers and {labels} labels do not belong together",
                numbers=table.shape,
                labels=truth.shape,
            )
        )
    if not np.isfinite(table).all() or truth.min() < 0 or truth.max() >= table.shape[1]:
        raise DataError(Text("evaluation.numbers-finite", "numbers must be finite, and labels among the classes"))
    if bins < 1:
        raise DataError(
            Text("evaluation.calibration-bins", "calibration needs at least one bin, not {bins}", bins=bins)
        )
    confidence, right = table.max(axis=1), table.argmax(axis=1) == truth
    if edges == "width":
        limits = np.linspace(0, 1, bins + 1)
        which = np.digitize(confidence, limits[1:-1], right=True)
        groups = [(np.flatnonzero(which == k), limits[k], limits[k + 1]) for k in range(bins)]
    else:
        order = np.argsort(confidence, kind="stable")
        groups = [(index, *_span(confidence[index])) for index in np.array_split(order, bins)]
    return tuple(
        ReliabilityBin(float(low), float(high), len(i), float(confidence[i].mean()), int(right[i].sum()))
        for i, low, high in groups
        if len(i)
    )


def calibration_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """Expected calibration error: the gap between confidence and accuracy, weighted by images (section 2)."""
    total = sum(one.n for one in bins)
    if total == 0:
        raise DataError(
            Text("evaluation.calibration-of-none", "a calibration error of no images is undefined; give at least one")
        )
    return sum(one.n * abs(one.accuracy - one.confidence) for one in bins) / total


def _span(values: NDArray[np.float64]) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
