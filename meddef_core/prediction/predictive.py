"""What a positive or negative call is worth where the model is used: predictive values as ranges, never as one number.

The ranges come from the 95% intervals of sensitivity and specificity; each predictive value rises with either of them,
so its ends are those of both lower and of both upper limits.
"""

from meddef_core.prediction.calibration import calibrate
from meddef_core.prediction.files import Fitted
from meddef_core.prediction.operating import (
    OperatingPoint,
    ThresholdQuestion,
    operating_point,
    predictive_values,
    youden_threshold,
)

STANDARD_PREVALENCE = 0.10
"""Between a screening round and a ward: what is taken where nobody says how common the finding is."""

LEAST_PREVALENCE, MOST_PREVALENCE = 0.01, 0.50
"""The span over which predictive values are shown: from screening to a specialist's clinic."""

Range = tuple[float | None, float | None]
"""Least and largest value; None where nobody would be called so."""


def predictive_ranges(point: OperatingPoint, *, prevalence: float) -> tuple[Range, Range]:
    """PPV and NPV at a prevalence in [0, 1], each from its least to its largest value over both intervals."""
    ends = zip(point.sensitivity.interval, point.specificity.interval, strict=True)
    (low_ppv, low_npv), (high_ppv, high_npv) = (
        predictive_values(sensitivity, specificity, prevalence=prevalence) for sensitivity, specificity in ends
    )
    return (low_ppv, high_ppv), (low_npv, high_npv)


def span_of(point: OperatingPoint) -> tuple[Range, Range]:
    """PPV and NPV from their least to their largest value over all prevalences of the span.

    The PPV rises with the prevalence and the NPV falls.
    """
    rare = predictive_ranges(point, prevalence=LEAST_PREVALENCE)
    common = predictive_ranges(point, prevalence=MOST_PREVALENCE)
    return (rare[0][0], common[0][1]), (common[1][0], rare[1][1])


def standard_point(fitted: Fitted, question: ThresholdQuestion) -> OperatingPoint:
    """The threshold of the largest Youden index on validation patients, and what it does on the test set."""
    temperature = fitted.card.temperature
    threshold = youden_threshold(
        question.score(calibrate(fitted.val.logits, temperature)), question.truth(fitted.val.labels)
    )
    scores = question.score(calibrate(fitted.test.logits, temperature))
    return operating_point(scores, question.truth(fitted.test.labels), threshold=threshold)
