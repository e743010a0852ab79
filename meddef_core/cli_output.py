"""How commands talk: one JSON document or plain lines out, messages and progress on standard error, whole files."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from meddef_core.errors import MedDefError
from meddef_core.files import replacing

if TYPE_CHECKING:
    from meddef_core.data.tasks import Task
    from meddef_core.predict import Prediction


def emit(document: dict[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print a result: the document as JSON, or the lines for a reader."""
    if as_json:
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
    else:
        typer.echo("\n".join(lines))


def tell(message: str) -> None:
    """Print a message that is not the result."""
    typer.echo(message, err=True)


def reading(prediction: "Prediction", task: "Task") -> str:
    """What a model says, in words: class, what it stands for, probability (calibrated where a fit is there)."""
    share = (prediction.calibrated or prediction.probabilities)[prediction.index]
    return f"{prediction.label} ({task.words[prediction.label]}), {share:.1%}"


def bars(prediction: "Prediction") -> list[str]:
    """One line a class, as text: name, probability (as in `reading`), bar."""
    width = max(map(len, prediction.classes))
    pairs = zip(prediction.classes, prediction.calibrated or prediction.probabilities, strict=True)
    return [f"  {name:<{width}} {share:6.1%} {'#' * round(30 * share)}" for name, share in pairs]


def sentence(text: str) -> str:
    """Any error text as one sentence on one line."""
    line = " ".join(text.split())
    line = line[:1].upper() + line[1:]
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
        raise MedDefError(f"The output must end in {' or '.join(suffixes)}, not {path.name!r}.")
    if not path.parent.is_dir():
        raise MedDefError(f"The folder {path.parent} does not exist; create it or choose another output.")
    if path.is_dir():
        raise MedDefError(f"The output {path} is a folder; name a file in it.")


def write_file(path: Path, data: bytes) -> None:
    """Write beside, then rename: a reader sees the old file or the whole new one, also after an interruption."""
    with replacing(path) as beside:
        beside.write_bytes(data)
