"""Records of several networks: defences from the literature, changes that no attacker makes, the pointing game."""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from meddef_core.records.envelope import Budget, Claim, Count, Digest, Fraction, Record, Size, Spec, StrictSchema
from meddef_core.records.shares import Accuracy, Balanced
from meddef_core.text import Text

UNCHANGED = "none"
"""Key of the scans as they are, among the changes."""


class UnderAttacker(Accuracy):
    """A share under one of a defence's two attackers; `alone` is balanced accuracy under the adaptive one by itself."""

    spec: Spec
    alone: Fraction | None = None


class BaselineRow(StrictSchema):
    """One defence: clean, under the non-adaptive attacker, and under the adaptive one.

    `id` is the key of a model, with "+<baseline>" of one behind a defence, or the name of a training run's folder.
    """

    id: str
    title: str
    summary: str
    citation: str | None
    randomised: bool
    weights_sha256: Annotated[tuple[Digest, ...], Field(min_length=1)]
    clean: Accuracy
    ignoring: UnderAttacker
    adaptive: UnderAttacker

    def claim(self, task: str) -> Claim:
        """It stands under its key and under its title, which may be those of a model that ships."""
        return Claim(task, (self.id, self.title), self.weights_sha256)


class BaselineNumbers(StrictSchema):
    """All defences of one comparison, by one attack."""

    n: Size
    eps: Budget
    attack: Spec
    rows: tuple[BaselineRow, ...]


class BaselineRecord(Record):
    """`baselines/<task>.json`, of `meddef baselines`."""

    kind: Literal["baselines"]
    numbers: BaselineNumbers

    def claims(self) -> Iterable[Claim]:
        yield from super().claims()
        for row in self.numbers.rows:
            yield row.claim(self.task)


class Shifted(Balanced):
    """One model on the scans of a list after one change. `shift` is its key, `title` English words."""

    shift: str
    title: str
    recall: Annotated[dict[str, Fraction], Field(min_length=1)]


class ShiftRow(StrictSchema):
    """One model; `model` is `<task>/<name>` of its card, or the name of a training run's folder."""

    model: str
    weights_sha256: Digest
    shifts: tuple[Shifted, ...]

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        keys = [each.shift for each in self.shifts]
        if UNCHANGED not in keys or len(keys) < 2 or len(set(keys)) < len(keys):
            raise ValueError(
                Text("record.needs-unchanged", "it needs the scans as they are, and at least one change, each once")
            )
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

    def claim(self, task: str) -> Claim:
        """It stands under its key."""
        return Claim(task, (self.model,), (self.weights_sha256,))


class ShiftNumbers(StrictSchema):
    """Every model of one comparison."""

    n: Size
    rows: Annotated[tuple[ShiftRow, ...], Field(min_length=1)]
    note: str


class ShiftRecord(Record):
    """`shifts/<task>.json`, of `meddef shifts`."""

    kind: Literal["shifts"]
    numbers: ShiftNumbers

    def claims(self) -> Iterable[Claim]:
        return (row.claim(self.task) for row in self.numbers.rows)


class PointingRow(StrictSchema):
    """How often a map's strongest point lies on a phantom's lesion, beside a random place and the picture's centre."""

    model: str
    map: str
    score: Fraction
    hits: Count
    n: Size
    interval: tuple[Fraction, Fraction]
    chance: Fraction
    centre: Fraction


class Predicted(StrictSchema):
    """How many phantoms of one class are predicted correctly."""

    right: Count
    n: Size


class PhantomReading(StrictSchema):
    """How one model predicts the phantoms it was scored on, by class; it names the weights behind the model's rows."""

    model: str
    weights_sha256: Digest
    read_right: dict[str, Predicted]

    def claim(self, task: str) -> Claim:
        """It stands under its key."""
        return Claim(task, (self.model,), (self.weights_sha256,))


class PointingNumbers(StrictSchema):
    """A row a model and map, and a reading a model."""

    per_class: Size
    tolerance: Count
    rows: tuple[PointingRow, ...]
    readings: tuple[PhantomReading, ...]
    note: str

    @model_validator(mode="after")
    def _weights_known(self) -> Self:
        unknown = {row.model for row in self.rows} - {reading.model for reading in self.readings}
        if unknown:
            raise ValueError(
                Text(
                    "record.weights-unnamed",
                    "no reading says which weights of {model} were scored",
                    model=sorted(unknown)[0],
                )
            )
        return self


class PointingRecord(Record):
    """`pointing/<task>.json`, of `meddef point`."""

    kind: Literal["pointing"]
    numbers: PointingNumbers

    def claims(self) -> Iterable[Claim]:
        return (reading.claim(self.task) for reading in self.numbers.readings)
