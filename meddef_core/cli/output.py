"""How commands talk: one JSON document or plain lines out, messages and progress on standard error, whole files."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from meddef_core.errors import MedDefError, RecordError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.io.files import replacing
from meddef_core.text import Text
from meddef_core.words import percent, qualified

if TYPE_CHECKING:
    from meddef_core.prediction.prediction import Prediction
    from meddef_core.records import Record
    from meddef_core.tasks import Task

    Kind = TypeVar("Kind", bound=Record)
    from meddef_core.scans import Scan


def emit(document: dict[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print a result: the document as JSON, or the lines for a reader."""
    if as_json:
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
    else:
        typer.echo("\n".join(lines))


def tell(message: str) -> None:
    """Print a message that is not the result."""
    typer.echo(message, err=True)


def output_words(prediction: "Prediction", task: "Task", *, clean: "Prediction | None" = None) -> str:
    """An output in words: class, what it stands for, and the probability, labelled where it is not calibrated.

    `clean` is the output for the scan itself where `prediction` is for an attacked image of it. What the scan is taken
    for, holds for both; where the model abstains, no probability is given.
    """
    level = (clean or prediction).level
    words = f"{prediction.label} ({task.words[prediction.label]})"
    if level == "refused":
        return f"{words}, not valid for this image"
    return f"{words}, {qualified(prediction.probability, level=level, calibrated=prediction.calibrated is not None)}"


def bars(prediction: "Prediction") -> list[str]:
    """One line a class, as text: name, probability (as in `output_words`), bar."""
    width = max(map(len, prediction.classes))
    pairs = zip(prediction.classes, prediction.shares, strict=True)
    return [f"  {name:<{width}} {percent(share):>6} {'#' * round(30 * share)}" for name, share in pairs]


def scan_lines(scan: "Scan", task: "Task") -> list[str]:
    """What ends every answer about a scan: its short id, the training population and the intended use."""
    return [f"Scan {scan.short_id}. {task.population.sentence}", INTENDED_USE]


def sentence(text: str) -> str:
    """Any error text as one sentence on one line; a path in it keeps its spelling, at the beginning too."""
    line = " ".join(part.strip() for part in text.splitlines()).strip()
    return line if line.endswith((".", "!", "?")) else f"{line}."


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int | None, str], None]]:
    """A bar on standard error, on a terminal only; call what it yields with (done, total if known, note)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    # Some steps take minutes: an estimate from rich's usual last half minute would never see two of them.
    with Progress(
        *columns,
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
        speed_estimate_period=3600,
    ) as bar:
        task = bar.add_task(what, total=None, note="")
        yield lambda done, total, note: bar.update(task, completed=done, total=total, note=note)


def check_writable(path: Path, *, suffixes: Sequence[str]) -> None:
    """Raise MedDefError before the work starts if its result could not be written to `path`."""
    if path.suffix.lower() not in suffixes:
        raise MedDefError(
            Text(
                "cli.output-suffix",
                "The output must end in {suffixes}, not {name}.",
                suffixes=" or ".join(suffixes),
                name=repr(path.name),
            )
        )
    if not path.parent.is_dir():
        raise MedDefError(
            Text(
                "cli.output-no-folder",
                "The folder {path} does not exist; create it or choose another output.",
                path=path.parent,
            )
        )
    if path.is_dir():
        raise MedDefError(Text("cli.output-is-folder", "The output {path} is a folder; name a file in it.", path=path))


def earlier_record(kind: "type[Kind]", output: Path | None) -> "Kind | None":
    """The record that an output holds already, to go on from; MedDefError where it is of another kind or damaged."""
    from meddef_core.records import OtherKind, read_file

    if output is None or not output.is_file():
        return None
    try:
        return read_file(kind, output)
    except OtherKind as error:
        raise RecordError(
            Text(
                "cli.output-other-kind",
                "{path} holds another kind of record; choose another file with --output.",
                path=output,
            )
        ) from error


def write_record(path: Path | None, record: "Record") -> None:
    """A record as a JSON file, where one was asked for."""
    write_json(path, record.document())


def write_json(path: Path | None, document: dict[str, Any]) -> None:
    """A JSON document as a file, where one was asked for."""
    if path is not None:
        write_file(path, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())


def write_file(path: Path, data: bytes) -> None:
    """Write beside, then rename: a reader sees the old file or the whole new one, also after an interruption."""
    with replacing(path) as beside:
        beside.write_bytes(data)
