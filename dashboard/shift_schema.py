"""The record of `meddef shifts` as the robustness page reads it, checked like those of `record_schema`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dashboard.record_schema import Balanced, Checked, Fraction, ScanList

UNCHANGED = "none"
"""Key of the scans as they are."""


class Shifted(Balanced):
    """How one model reads the scans of a list after one change. `shift` is its key, `title` English words."""

    shift: str
    title: str
    recall: Annotated[dict[str, Fraction], Field(min_length=1)]


class ShiftRow(Checked):
    """One model; `model` is `<task>/<name>` of its card, or the name of a run's folder."""

    model: str
    weights_sha256: str
    shifts: tuple[Shifted, ...]

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        keys = [each.shift for each in self.shifts]
        if UNCHANGED not in keys or len(keys) < 2 or len(set(keys)) < len(keys):
            raise ValueError("it needs the scans as they are, and at least one change, each once")
        return self

    @property
    def unchanged(self) -> Shifted:
        """The scans as they are."""
        return next(each for each in self.shifts if each.shift == UNCHANGED)

    @property
    def costliest(self) -> Shifted:
        """The change that leaves the least balanced accuracy."""
        changes = [each for each in self.shifts if each.shift != UNCHANGED]
        return min(changes, key=lambda each: each.balanced_accuracy)


class ShiftNumbers(Checked):
    """Every model of one comparison."""

    n: Annotated[int, Field(ge=1)]
    rows: Annotated[tuple[ShiftRow, ...], Field(min_length=1)]


class ShiftRecord(Checked):
    """`shifts/<task>.json`, of `meddef shifts`."""

    kind: Literal["shifts"] = "shifts"
    data: ScanList | None = None
    numbers: ShiftNumbers
