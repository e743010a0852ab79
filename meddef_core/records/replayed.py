"""The answer of `meddef replay`: every recorded number beside the one found again."""

from typing import Any, Literal

from meddef_core.records.envelope import ModelRef, ScanRef, Spec, StrictSchema


class Tolerance(StrictSchema):
    """Within which floats count as the same: absolute, and relative to the recorded value."""

    absolute: float
    relative: float


class NumberPair(StrictSchema):
    """One number, or all of one name in a list; `difference` is the largest between floats, None for what is exact."""

    name: str
    recorded: Any
    replayed: Any
    difference: float | None
    same: bool


class VersionPair(StrictSchema):
    """What computed it then, and what computes here."""

    recorded: dict[str, str]
    here: dict[str, str]


class Replayed(StrictSchema):
    """One record, run again. `image_identical` is None where no image was made."""

    kind: Literal["prediction", "attack", "certificate"]
    model: ModelRef
    scan: ScanRef
    spec: Spec | None
    versions: VersionPair
    card_changed: bool
    level: str | None
    sentence: str | None
    same: bool
    image_identical: bool | None
    numbers: tuple[NumberPair, ...]


class ReplayReport(StrictSchema):
    """Every record of one file, run again."""

    schema_version: Literal[2]
    kind: Literal["replay"]
    same: bool
    tolerance: Tolerance
    replays: tuple[Replayed, ...]
    intended_use: str

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return self.model_dump(mode="json")
