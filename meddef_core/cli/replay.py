"""The command that runs a record again: `meddef replay`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag
from meddef_core.cli.output import emit, progress, tell
from meddef_core.errors import RecordError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.records.replayed import ReplayReport
    from meddef_core.replay.comparison import ComparedNumber
    from meddef_core.replay.replaying import Recorded, Replay

FEW = 4
"""Values of a list that are written out."""

DIFFERENT = 1
"""Exit code where a number differs: the input was good, the answer is no."""


def replay(
    file: Annotated[
        Path, typer.Argument(help="A record of a prediction, an attack or a certificate.", exists=True, dir_okay=False)
    ],
    scan: Annotated[
        Path | None,
        typer.Option(help="The scan's file, unless it is a sample or in MEDDEF_DATA_DIR.", exists=True, dir_okay=False),
    ] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a record again and compare every number. Exit code 0: the same, 1: different, 2: bad input."""
    from meddef_core.records import MAX_BYTES
    from meddef_core.replay.replaying import read_records

    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecordError(
            Text(
                "cli.replay-unreadable",
                "The record {path} cannot be read ({reason}); check its permissions.",
                path=file,
                reason=error.strerror,
            )
        ) from error
    found = [_again(each, scan=scan, data_dir=data_dir) for each in read_records(data)]
    emit(_report(found).document(), [line for one in found for line in _lines(one)] + [INTENDED_USE], as_json=as_json)
    if not all(one.same for one in found):
        raise typer.Exit(DIFFERENT)


def _again(recorded: "Recorded", *, scan: Path | None, data_dir: Path | None) -> "Replay":
    from meddef_core.attacks import AttackStep
    from meddef_core.replay.replaying import open_recorded
    from meddef_core.replay.replaying import replay as run_again
    from meddef_core.replay.scan import find_scan

    open_recorded(recorded.model)  # before the search for the scan, which can take a minute
    with progress("looking for the scan") as show:
        picture = find_scan(
            recorded.scan, recorded.task, file=scan, data_dir=data_dir, on_look=lambda seen: show(seen, None, "files")
        )
    with progress(f"replaying on {recorded.model.key}") as show:

        def on_step(step: AttackStep) -> None:
            show(step.step, step.total, f"loss {step.loss:.3f}")

        found = run_again(recorded, picture, on_step=on_step)
    if found.card_changed:
        tell(f"The card of {recorded.model.key} is not the recorded card, although the weights are the same.")
    return found


def _report(found: "list[Replay]") -> "ReplayReport":
    from meddef_core.records import SCHEMA_VERSION, versions
    from meddef_core.records.replayed import NumberPair, Replayed, ReplayReport, Tolerance, VersionPair
    from meddef_core.replay.comparison import ABSOLUTE, RELATIVE

    return ReplayReport(
        schema_version=SCHEMA_VERSION,
        kind="replay",
        same=all(one.same for one in found),
        tolerance=Tolerance(absolute=ABSOLUTE, relative=RELATIVE),
        replays=tuple(
            Replayed(
                kind=one.recorded.kind,
                model=one.recorded.model,
                scan=one.recorded.scan,
                spec=one.recorded.spec,
                versions=VersionPair(recorded=one.recorded.versions, here=versions()),
                card_changed=one.card_changed,
                level=one.level,
                sentence=one.sentence,
                same=one.same,
                image_identical=one.exact,
                numbers=tuple(NumberPair(**asdict(row)) for row in one.rows),
            )
            for one in found
        ),
        intended_use=INTENDED_USE,
    )


def _lines(found: "Replay") -> list[str]:
    from meddef_core.records import versions
    from meddef_core.replay.comparison import ABSOLUTE, RELATIVE

    recorded = found.recorded
    what = recorded.kind if recorded.spec is None else f"attack {recorded.spec.name}"
    said = "the same" if found.same else "DIFFERENT"
    lines = [f"{recorded.model.key}, {what}, scan {recorded.scan.id or recorded.scan.sha256[:12]}: {said}"]
    if found.sentence is not None:
        lines.append(f"  {f'{recorded.model.key} abstains. ' if found.level == 'refused' else ''}{found.sentence}")
    table = [("number", "recorded", "replayed", "same"), *(_cells(row) for row in found.rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines += ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    if found.exact is not None:
        lines.append(f"  The attacked image is {'identical' if found.exact else 'not identical'} bit by bit.")
    lines.append(f"  Floats count as the same within {ABSOLUTE:g} + {RELATIVE:g} of the recorded value.")
    here = versions()
    for name in sorted(recorded.versions.keys() | here.keys()):
        was, now = recorded.versions.get(name, "not recorded"), here.get(name, "not known")
        if was != now:
            lines.append(f"  Recorded with {name} {was}, replayed with {now}.")
    return [line.rstrip() for line in lines]


def _cells(row: "ComparedNumber") -> tuple[str, str, str, str]:
    same = "yes" if row.same else "NO"
    if row.difference is not None:
        same += f" (largest difference {row.difference:.2g})" if row.difference else " (no difference)"
    return row.name, _short(row.recorded), _short(row.replayed), same


def _short(value: Any) -> str:
    """One value as text; a few floats as they are, of longer lists how many there are."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if not isinstance(value, list):
        return str(value)
    if len(value) <= FEW and all(isinstance(each, float) for each in value):
        return " ".join(f"{each:.4f}" for each in value)
    return f"{len(value)} values"


ORDER = 130
COMMANDS = (Command("replay", replay),)
