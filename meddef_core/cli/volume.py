"""What `meddef predict` and `meddef batch` say of a file that holds a volume, or of several that make one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from meddef_core.cli.output import check_writable, emit, progress, tell, write_file
from meddef_core.errors import MedDefError, ScanError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.text import Text
from meddef_core.words import percent

if TYPE_CHECKING:
    from meddef_core.prediction.volume import SlicePrediction, VolumePrediction
    from meddef_core.scans import Scan, Volume
    from meddef_core.zoo import LoadedModel

MARKS = {"usual": "o", "unusual": "^", "refused": "x", None: "o"}
"""Of a slice's level in a strip of text."""

BAR = 30


def volume_in(path: Path) -> "Volume | None":
    """The volume in a folder, an archive, or a file of several pictures; None for a file of a single one.

    Raises ScanError for what is no volume, or cannot be read.
    """
    from meddef_core.scans.archive import is_zip
    from meddef_core.scans.limits import MAX_VOLUME_BYTES
    from meddef_core.scans.paths import bytes_at, volume_at
    from meddef_core.scans.volume import read_volume

    if path.is_dir():
        return volume_at(path)
    data = bytes_at(path, most=MAX_VOLUME_BYTES)
    volume = read_volume(data)
    return volume if len(volume) > 1 or is_zip(data) else None


def open_slice(
    path: Path, number: int, *, frame: int | None, window: tuple[float, float] | None
) -> "tuple[Scan, int | None]":
    """Slice `number` of a volume as a scan, its warnings told, and its frame; raises ScanError and MedDefError."""
    if frame is not None:
        raise MedDefError(Text("cli.frame-and-slice", "--frame and --slice both choose an image; give one of them."))
    volume = volume_in(path)
    if volume is None:
        raise ScanError(
            Text("cli.slice-single-image", "The file holds a single image, not a volume; leave --slice out.")
        )
    scan = volume.scan(number, window=window)
    for warning in scan.warnings:
        tell(warning)
    return scan, volume.place(number).frame


def predict_volume(loaded: "LoadedModel", volume: "Volume", *, output: Path | None, as_json: bool) -> None:
    """Predict every slice and tell what came of it; `output` is the table of slices as CSV."""
    from meddef_core.report.slices import slices_csv

    if output is not None:
        check_writable(output, suffixes=(".csv",))
    found = _predicted(loaded, volume)
    if output is not None:
        write_file(output, slices_csv(found, card=loaded.card))
    emit(_document(loaded, volume, found), _lines(loaded, volume, found), as_json=as_json)


def _predicted(loaded: "LoadedModel", volume: "Volume") -> "VolumePrediction":
    from meddef_core.prediction.volume import predict_volume

    for note in volume.notes:
        tell(note)
    with progress(f"predicting with {loaded.card.key}") as show:
        return predict_volume(loaded, volume, on_progress=lambda done, of: show(done, of, "slices"))


def _document(loaded: "LoadedModel", volume: "Volume", found: "VolumePrediction") -> dict[str, Any]:
    from meddef_core.records import VolumeRecord, build
    from meddef_core.report.volume_results import volume_facts, volume_numbers

    numbers = volume_numbers(volume, found)
    return build(VolumeRecord, model=loaded, scan=volume_facts(volume), numbers=numbers).document()


def _lines(loaded: "LoadedModel", volume: "Volume", found: "VolumePrediction") -> list[str]:
    """The strip as text: the output for the volume first, then a line a slice, then the strongest slices."""
    lines = [f"{loaded.card.key}: {len(volume)} slices ({volume.source}{_distances(volume)})"]
    if found.verdict is not None:
        lines += [found.verdict.sentence, found.verdict.rule]
    lines.append(
        "Slices (o accepted, ^ unusual, x the model abstains, - not read) and their probability of any finding:"
    )
    lines += [_line(row, found) for row in found.slices]
    for label in found.findings:
        row = found.strongest(label)
        if row is not None and row.output is not None:
            share = percent(row.output.shares[found.classes.index(label)])
            lines.append(f"Strongest for {label}: slice {row.number}, {share}. Choose it with --slice {row.number}.")
    return [*lines, loaded.task.population.sentence, INTENDED_USE]


def _distances(volume: "Volume") -> str:
    eye = {"L": ", left eye", "R": ", right eye", None: ""}[volume.laterality]
    return eye + ("" if volume.slice_mm is None else f", {volume.slice_mm:.3f} mm apart")


def _line(row: "SlicePrediction", found: "VolumePrediction") -> str:
    if row.prediction is None:
        return f"  {row.number:>3} -  {row.problem}"
    mark = MARKS[row.prediction.level]
    if row.output is None:
        return f"  {row.number:>3} {mark}  {row.remarks}"
    share = sum(row.output.shares[found.classes.index(label)] for label in found.findings)
    return f"  {row.number:>3} {mark} {percent(share):>6} {'#' * round(BAR * share):<{BAR}} {row.output.label}"
