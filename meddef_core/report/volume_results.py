"""What came of a volume, as records hold it. Importing this does not import torch."""

from typing import TYPE_CHECKING

from meddef_core.records import VolumeNumbers, plain
from meddef_core.records.volume import VolumeSlice, VolumeVerdict
from meddef_core.report.outputs import output_of

if TYPE_CHECKING:
    from meddef_core.prediction.volume import SlicePrediction, VolumePrediction
    from meddef_core.prediction.volume_rule import VolumeDecision
    from meddef_core.scans import Volume


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


def _verdict(verdict: "VolumeDecision") -> VolumeVerdict:
    told = {"label": verdict.label, "sentence": verdict.sentence, "rule": verdict.rule}
    return VolumeVerdict.model_validate({**plain(verdict), **told})
