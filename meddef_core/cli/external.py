"""`meddef external`: a model on scans of another hospital, clean and attacked."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag, ModelName, TaskKey, open_model
from meddef_core.cli.output import check_writable, emit, progress, tell, write_record
from meddef_core.eps import short_eps
from meddef_core.text import Text
from meddef_core.words import counted, percent

if TYPE_CHECKING:
    from meddef_core.records import ExternalNumbers, ExternalRow, Hits

SHOWN_PROBLEMS = 5


def external(
    task: TaskKey,
    model: ModelName = "meddef",
    data: Annotated[
        Path | None,
        typer.Option(
            help="A folder with one folder a class; else the development set in the data folder.", file_okay=False
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Name of the source; else the folder's name.")] = None,
    attack: Annotated[bool, typer.Option(help="Measure under PGD-20 at 4/255 as well.")] = True,
    write: Annotated[bool, typer.Option("--write", help="Write the results onto the model's card.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here.", dir_okay=False)] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Evaluate a model on scans from another hospital, clean and attacked: accepted, correct, wrong and accepted."""
    from meddef_core.data.store import find_data_dir
    from meddef_core.errors import ModelError
    from meddef_core.records import ExternalRecord, build, plain
    from meddef_core.studies.external import attack_of, digest_of, fit_of, measured, see
    from meddef_core.studies.external_sources import development_source, folder_source
    from meddef_core.zoo import rewrite_card

    if output is not None:
        check_writable(output, suffixes=(".json",))
    loaded = open_model(task, model)
    if write and loaded.site is not None:
        raise ModelError(
            Text("cli.external-site-set", "A card describes the shipped weights; unset MEDDEF_SITE to use --write.")
        )
    fit_of(loaded)
    if data is None:
        source = development_source(loaded.task, find_data_dir(data_dir))
    else:
        source = folder_source(loaded.task, data, title=title)
    spec = attack_of(loaded.task) if attack else None
    with progress(f"{loaded.card.key} on {source.title}") as show:
        seen = see(loaded, source, spec=spec, on_progress=lambda what, done, total: show(done, total, what))
    for name, problem in seen.problems[:SHOWN_PROBLEMS]:
        tell(f"{name} is left out: {problem}")
    if (more := len(seen.problems) - SHOWN_PROBLEMS) > 0:
        tell(f"{more} more files cannot be read and are left out.")
    numbers = measured(loaded, source, seen, spec=spec)
    listed = {"protocol": "external", "part": source.key, "n": numbers.n, "sha256": digest_of(seen)}
    record = build(ExternalRecord, model=loaded, numbers=numbers, data=listed, spec=spec)
    if write and loaded.folder is not None:
        found = {**loaded.card.metrics.get("external", {}), source.key: plain(numbers.model_dump(mode="json"))}
        metrics = loaded.card.metrics | {"external": found}
        rewrite_card(loaded.folder, loaded.card.model_copy(update={"metrics": metrics}))
    write_record(output, record)
    emit(record.document(), external_lines(loaded.card.key, numbers), as_json=as_json)


def external_lines(name: str, numbers: "ExternalNumbers") -> list[str]:
    """The record in lines for a reader."""
    source = numbers.source
    lines = [f"{name} on {source.title}, n = {numbers.n}"]
    for row in numbers.rows:
        lines += _row_lines(row)
    if source.out_of_fold:
        lines.append("The limits for each scan were chosen without its patient or neighbouring files.")
    return [*lines, f"Labels: {source.labels}"]


def _row_lines(row: "ExternalRow") -> list[str]:
    how = "clean" if row.spec is None else f"under PGD-{row.spec.steps} at {short_eps(row.eps)} (an upper bound)"
    lines = [
        f"{how}: accepted {_share(row.accepted)}, correct {_share(row.correct)}, "
        f"wrong and accepted {_share(row.wrong_and_accepted)}",
        f"  stated confidence {percent(row.confidence)} on average; "
        f"area under the risk-coverage curve {row.curve.aurc:.3f}",
    ]
    for label, of in row.by_label.items():
        shown = ", ".join(f"{name} {count}" for name, count in of.accepted_as.items() if count)
        lines.append(f"  {label:<10} n = {of.n}: accepted {of.accepted}" + (f" ({shown})" if shown else ""))
    return lines


def _share(hits: "Hits") -> str:
    low, high = hits.interval
    return f"{counted(hits.share)} ({percent(low)} to {percent(high)})"


ORDER = 210
COMMANDS = (Command("external", external),)
