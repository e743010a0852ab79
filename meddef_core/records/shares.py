"""Shares of scans that are predicted correctly, with their intervals."""

from typing import Self

from pydantic import Field, model_validator

from meddef_core.records.envelope import Budget, Count, Fraction, Size, Spec, StrictSchema
from meddef_core.text import Text

ROUNDING = 1e-6


class Balanced(StrictSchema):
    """Balanced accuracy on one list, and the recall of each class where it is told."""

    balanced_accuracy: Fraction
    balanced_interval: tuple[Fraction, Fraction]
    recall: dict[str, Fraction] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _inside(self) -> Self:
        low, high = self.balanced_interval
        if not low - ROUNDING <= self.balanced_accuracy <= high + ROUNDING:
            raise ValueError(Text("record.outside-interval", "the balanced accuracy lies outside its own interval"))
        return self


class Accuracy(Balanced):
    """Plain and balanced accuracy on one list. The errors and areas stand on clean scans only."""

    accuracy: Fraction
    accuracy_interval: tuple[Fraction, Fraction]
    expected_calibration_error: Fraction | None = None
    auroc: Fraction | None = None
    auroc_per_class: dict[str, Fraction] = Field(default_factory=dict)


class AttackedAccuracy(Accuracy):
    """A share under one attack.

    `n` is given where the attack was run on fewer scans than the others. `largest_linf` (or `largest_distance`, in the
    attack's own norm) is the farthest that an attacked scan lies from its clean one. `predictions` are class numbers,
    one a scan.
    """

    spec: Spec
    eps: Budget
    n: Size | None = None
    attack_success_rate: Fraction | None = None
    largest_linf: Budget | None = None
    largest_distance: Budget | None = None
    predictions: tuple[int, ...] = ()

    @property
    def intensity(self) -> float:
        """What the paper calls epsilon: for JSMA, which bounds how many values change, its step theta."""
        return self.spec.theta if self.spec.name == "jsma" else self.eps


class MeasuredAccuracy(StrictSchema):
    """A network on one list: clean, and under attacks each by itself."""

    n: Size
    clean: Accuracy
    attacked: tuple[AttackedAccuracy, ...]


class Outlasted(Accuracy):
    """A share in the worst case of a set of attacks, with how many scans nothing broke, and why the others fell."""

    eps: Budget
    attack_success_rate: Fraction | None = None
    unbroken: Count
    misread_clean: Count
    broken_at_smaller_budget: Count
