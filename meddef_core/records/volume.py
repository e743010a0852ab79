"""Record of a volume: a row a slice, and what is said of all of them."""

from typing import Literal

from meddef_core.records.envelope import Budget, Count, Digest, Fraction, Record, ScanRef, Size, StrictSchema
from meddef_core.records.prediction import Output


class VolumeSlice(StrictSchema):
    """What came of one slice: a prediction, or the problem in one sentence. `digest` is that of its file."""

    number: Size
    frame: Size | None
    prediction: Output | None
    problem: str | None
    notes: tuple[str, ...]
    digest: Digest | None
    short_id: str | None


class VolumeVerdict(StrictSchema):
    """The output for the volume; see `meddef_core.prediction.volume_rule.VolumeDecision`."""

    outcome: Literal["finding", "none", "abstains"]
    label: str | None
    slices: Count
    accepted: Count
    flagged: tuple[Size, ...]
    counts: dict[str, Count]
    needed: Size
    healthy: Count
    alpha: Fraction
    sentence: str
    rule: str


class VolumeNumbers(StrictSchema):
    """Distances are in millimetres, None where the files do not tell them."""

    source: str
    slice_mm: Budget | None
    row_mm: Budget | None
    column_mm: Budget | None
    laterality: Literal["L", "R"] | None
    localiser: bool
    notes: tuple[str, ...]
    slices: tuple[VolumeSlice, ...]
    volume: VolumeVerdict | None


class VolumeRecord(Record):
    """`meddef predict` of a volume, and the dashboard's export of one."""

    kind: Literal["volume"]
    scan: ScanRef
    numbers: VolumeNumbers
