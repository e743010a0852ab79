"""The command that reads many scans: `meddef batch`, a folder or a ZIP archive into one table."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import JsonFlag, ModelName, TaskKey, open_model
from meddef_core.cli.output import check_writable, emit, progress, write_file
from meddef_core.errors import ScanError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.text import Text
from meddef_core.words import counted, percent

if TYPE_CHECKING:
    from meddef_core.prediction.batch import BatchAccuracy, BatchOutcome
    from meddef_core.scans.archive import ArchiveEntry
    from meddef_core.zoo import LoadedModel


def batch(
    source: Annotated[Path, typer.Argument(help="A folder, or a ZIP archive, of DICOM, PNG, JPEG or TIFF files.")],
    task: TaskKey,
    model: ModelName = "meddef",
    output: Annotated[Path | None, typer.Option(help="Write the table here as CSV.", dir_okay=False)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Predict every scan of a folder or ZIP archive. Folders named after a class give their scans' known class."""
    from meddef_core.io.audit_log import note
    from meddef_core.prediction.batch import read_entry, score, to_csv

    if output is not None:
        check_writable(output, suffixes=(".csv",))
    loaded = open_model(task, model)
    classes = loaded.task.classes
    rows: list[BatchOutcome] = []
    with _entries(source, classes) as entries, progress(f"reading with {loaded.card.key}") as show:
        try:
            for number, entry in enumerate(entries, start=1):
                rows.append(read_entry(loaded, entry, number=number))
                show(number, len(entries), "")
        finally:
            # Interrupted, too: what was read is worth keeping.
            if output is not None and rows:
                write_file(output, to_csv(rows, card=loaded.card, classes=classes))
    note("batch", model=loaded.card.key, n=len(rows))
    result = score(rows, classes)
    lines = [*_lines(loaded, rows, result), loaded.task.population.sentence, INTENDED_USE]
    emit(_document(loaded, rows, result), lines, as_json=as_json)


@contextmanager
def _entries(source: Path, classes: tuple[str, ...]) -> "Iterator[tuple[ArchiveEntry, ...]]":
    from meddef_core.scans.archive import folder_entries, zip_entries

    if source.is_dir():
        yield folder_entries(source, classes=classes)
        return
    try:
        stream = source.open("rb")
    except OSError as error:
        raise ScanError(
            Text(
                "cli.batch-unreadable",
                "{path} cannot be read ({reason}); name a folder or a ZIP archive.",
                path=source,
                reason=error.strerror,
            )
        ) from error
    with stream:
        yield zip_entries(stream, classes=classes)


def _document(loaded: "LoadedModel", rows: "list[BatchOutcome]", result: "BatchAccuracy | None") -> dict[str, Any]:
    from meddef_core.records import BatchRecord, build
    from meddef_core.report.results import batch_numbers

    return build(BatchRecord, model=loaded, numbers=batch_numbers(rows, result)).document()


def _lines(loaded: "LoadedModel", rows: "list[BatchOutcome]", result: "BatchAccuracy | None") -> list[str]:
    read = sum(row.prediction is not None for row in rows)
    lines = [f"{loaded.called}: {read} of {len(rows)} files read"]
    for name in loaded.task.classes:
        count = sum(row.output is not None and row.output.label == name for row in rows)
        lines.append(f"  {name:<12} {count}")
    unusual = [row for row in rows if row.output is not None and row.output.level == "unusual"]
    lines += [f"  unusual: {row.name} ({row.short_id}): {row.remarks}" for row in unusual]
    lines += [f"  abstained: {row.name} ({row.short_id}): {row.remarks}" for row in rows if row.abstained]
    lines += [f"  not read: {row.name}: {row.problem}" for row in rows if row.problem is not None]
    return lines if result is None else [*lines, *_score_lines(result)]


def _score_lines(result: "BatchAccuracy") -> list[str]:
    low, high = result.interval
    lines = [
        f"right on {result.right} of {result.n} of known class: {counted(result.accuracy)} "
        f"({percent(low)} to {percent(high)})"
    ]
    if result.abstained:
        lines.append(f"not counted because the model abstains: {result.abstained}")
    if result.balanced is None or result.balanced_interval is None:
        return [*lines, f"no balanced accuracy: no scan is known to be {' or '.join(result.missing)}"]
    low, high = result.balanced_interval
    return [*lines, f"balanced accuracy {counted(result.balanced)} ({percent(low)} to {percent(high)})"]


ORDER = 110
COMMANDS = (Command("batch", batch),)
