"""From a probability to a yes or no: thresholds chosen on validation patients, and what they are worth.

A question names the classes that count as positive; its score is the sum of their calibrated probabilities, and a scan
is positive where the score reaches the threshold.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meddef_core.errors import DataError
from meddef_core.evaluation.metrics import wilson
from meddef_core.tasks import Task
from meddef_core.text import Text

HEALTHY = "NORMAL"
"""The class without a finding, in both tasks."""

ANY_FINDING = Text("diagnose.any-finding", "any finding")
"""Key of the question that takes every class but `HEALTHY` together."""


@dataclass(frozen=True)
class ThresholdQuestion:
    """What a threshold decides: `key` is a class name or `ANY_FINDING`, `positive` class numbers."""

    key: str
    positive: tuple[int, ...]

    def score(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """`(n,)` sums over the positive classes of `(n, classes)` probabilities."""
        sums: NDArray[np.float64] = np.asarray(probabilities, dtype=np.float64)[:, list(self.positive)].sum(axis=1)
        return sums

    def truth(self, labels: ArrayLike) -> NDArray[np.bool_]:
        """Which of `(n,)` class numbers are positive."""
        return np.isin(np.asarray(labels), self.positive)


@dataclass(frozen=True)
class Proportion:
    """`hits` of `n` with its 95 % Wilson interval (Wilson 1927)."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        """The share itself."""
        return self.hits / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper limit."""
        return wilson(self.hits, self.n)


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold does on one list."""

    threshold: float
    sensitivity: Proportion
    specificity: Proportion


def questions(task: Task) -> tuple[ThresholdQuestion, ...]:
    """What can be asked of a task: any finding first, then each finding against the rest where there are several."""
    findings = [index for index, name in enumerate(task.classes) if name != HEALTHY]
    single = tuple(ThresholdQuestion(task.classes[index], (index,)) for index in findings)
    return single if len(single) == 1 else (ThresholdQuestion(ANY_FINDING, tuple(findings)), *single)


def operating_point(scores: ArrayLike, truth: ArrayLike, *, threshold: float) -> OperatingPoint:
    """Sensitivity and specificity of `scores >= threshold`; both are `(n,)`. Raises DataError as `_sides`."""
    positive, negative = _sides(scores, truth)
    caught, spared = int((positive >= threshold).sum()), int((negative < threshold).sum())
    return OperatingPoint(threshold, Proportion(caught, len(positive)), Proportion(spared, len(negative)))


def youden_threshold(scores: ArrayLike, truth: ArrayLike) -> float:
    """The threshold with the largest sensitivity + specificity - 1 (Youden 1950, Index for rating diagnostic tests).

    Lies half way between two neighbouring scores; of equally good ones the lowest, which misses least.
    """
    positive, negative = _sides(scores, truth)
    cuts = _cuts(np.concatenate([positive, negative]))
    index = [(positive >= cut).mean() + (negative < cut).mean() for cut in cuts]
    return float(cuts[int(np.argmax(index))])


def threshold_at_sensitivity(scores: ArrayLike, truth: ArrayLike, *, sensitivity: float) -> float:
    """The highest threshold that still catches that share of the positives; raises DataError outside (0, 1]."""
    if not 0 < sensitivity <= 1:
        raise DataError(
            Text(
                "prediction.sensitivity-range",
                "a sensitivity lies above 0 and at most at 1, not at {sensitivity}",
                sensitivity=sensitivity,
            )
        )
    positive, negative = _sides(scores, truth)
    cuts = _cuts(np.concatenate([positive, negative]))
    needed = sensitivity - 1e-12
    return float(max(cut for cut in cuts if (positive >= cut).mean() >= needed))


def predictive_values(
    sensitivity: float, specificity: float, *, prevalence: float
) -> tuple[float | None, float | None]:
    """PPV and NPV by Bayes' rule; None where nobody would be called so. All shares in [0, 1]."""
    if not all(0 <= share <= 1 for share in (sensitivity, specificity, prevalence)):
        raise DataError(
            Text("prediction.shares-range", "sensitivity, specificity and prevalence are shares between 0 and 1")
        )
    true_positive, false_positive = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    true_negative, false_negative = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return _ratio(true_positive, false_positive), _ratio(true_negative, false_negative)


def _ratio(right: float, wrong: float) -> float | None:
    return right / (right + wrong) if right + wrong > 0 else None


def _sides(scores: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The scores of positives and of negatives; DataError where there are none of either."""
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    if values.ndim != 1 or values.shape != positive.shape:
        raise DataError(
            Text(
                "prediction.scores-labels",
                "{scores} scores and {labels} labels do not belong together",
                scores=values.shape,
                labels=positive.shape,
            )
        )
    if positive.all() or not positive.any():
        raise DataError(Text("prediction.threshold-scans", "a threshold needs scans with and without the finding"))
    return values[positive], values[~positive]


def _cuts(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Thresholds that divide the scores differently, lowest first: below all, and between neighbours."""
    levels = np.unique(scores)
    return np.concatenate([[0.0], (levels[:-1] + levels[1:]) / 2])
