"""Record of a volume: a row a slice, and what is said of all of them."""

from typing import TYPE_CHECKING, Literal

from meddef_core.records.envelope import Budget, Count, Digest, Fraction, Record, ScanRef, Size, Strict
from meddef_core.records.outputs import output_of
from meddef_core.records.plain import plain
from meddef_core.records.prediction import Output

if TYPE_CHECKING:
    from meddef_core.predict.volume import SlicePrediction, VolumePrediction
    from meddef_core.predict.volume_rule import Verdict
    from meddef_core.scans import Volume


class VolumeSlice(Strict):
    """What came of one slice: a prediction, or the problem in one sentence. `digest` is that of its file."""

    number: Size
    frame: Size | None
    prediction: Output | None
    problem: str | None
    notes: tuple[str, ...]
    digest: Digest | None
    short_id: str | None


class VolumeVerdict(Strict):
    """The output for the volume; see `meddef_core.predict.volume_rule.Verdict`."""

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


class VolumeNumbers(Strict):
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


def volume_facts(volume: "Volume") -> dict[str, str]:
    """What a record holds of a volume: its digest, never a file."""
    return {"sha256": volume.digest}


def volume_numbers(volume: "Volume", found: "VolumePrediction") -> VolumeNumbers:
    """Numbers of a record of a volume."""
    return VolumeNumbers(
        source=volume.source,
        slice_mm=volume.slice_mm,
        row_mm=volume.row_mm,
        column_mm=volume.column_mm,
        laterality=volume.laterality,
        localiser=volume.localiser is not None,
        notes=volume.notes,
        slices=tuple(_slice(each) for each in found.slices),
        volume=None if found.verdict is None else _verdict(found.verdict),
    )


def _slice(row: "SlicePrediction") -> VolumeSlice:
    return VolumeSlice(
        number=row.number,
        frame=row.frame,
        prediction=None if row.prediction is None else output_of(row.prediction),
        problem=row.problem,
        notes=row.notes,
        digest=row.digest,
        short_id=row.short_id,
    )


def _verdict(verdict: "Verdict") -> VolumeVerdict:
    told = {"label": verdict.label, "sentence": verdict.sentence, "rule": verdict.rule}
    return VolumeVerdict.model_validate({**plain(verdict), **told})
