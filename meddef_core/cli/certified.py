"""`meddef certified`: certified accuracy of a smoothed network on a list of scans."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.evaluate.subject import open_subject
from meddef_core.cli.input import DataDir, JsonFlag, TaskKey
from meddef_core.cli.output import check_writable, emit, progress, write_record
from meddef_core.words import percent

if TYPE_CHECKING:
    from meddef_core.records import Accuracy, CertifiedNumbers


def certified(
    task: TaskKey,
    model: Annotated[str, typer.Option("--model", help="A model trained for certificates.")] = "meddef-certified",
    run: Annotated[
        Path | None, typer.Option(help="Measure the best weights of this training run instead.", file_okay=False)
    ] = None,
    draws: Annotated[int, typer.Option("--draws", "-n", help="Draws of the noise for each scan.")] = 10_000,
    alpha: Annotated[float, typer.Option(help="Probability that a certificate that is given is wrong.")] = 0.001,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    part: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Take only so many scans, a fixed choice of each class.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here.", dir_okay=False)] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option("--run-dir", help="Folder for finished scans; a call that finds some resumes.", file_okay=False),
    ] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure certified accuracy: correct predictions that provably hold within each radius."""
    from meddef_core.certification import smoothed
    from meddef_core.evaluation.selection import some_of_each_class, take
    from meddef_core.records import CertifiedRecord, build, identity_of
    from meddef_core.studies.certified import certified_accuracy, keep_in, settings_of

    if output is not None:
        check_writable(output, suffixes=(".json",))
    subject = open_subject(task, model, run=run, part=part, protocol=None, data_dir=data_dir, limit=limit, seed=seed)
    loaded, images = subject.loaded, subject.images
    network = smoothed(loaded.network)
    if limit is not None:
        images = take(images, some_of_each_class(images, limit))
    digest = subject.lists.digest(part)
    kept = keep_in(
        run_dir,
        weights_sha256=loaded.card.weights.sha256,
        data_sha256=digest,
        limit=limit,
        smoothing=settings_of(network, n=draws, alpha=alpha, seed=seed),
    )
    with progress(loaded.card.key) as show:
        numbers = certified_accuracy(
            network,
            images,
            classes=loaded.task.classes,
            n=draws,
            alpha=alpha,
            seed=seed,
            kept=kept,
            on_scan=lambda done, total: show(done, total, ""),
        )
    known = loaded.card.data.get("lists", {}).get(part, {}).get("sha256")
    data = {
        "protocol": subject.protocol,
        "part": part,
        "n": numbers.n,
        "sha256": digest,
        "same_list_as_card": None if run is not None else digest == known,
        "limit": limit,
        "run": None if run is None else run.name,
    }
    measured = loaded if run is None else identity_of(loaded, carded=False)
    record = build(CertifiedRecord, model=measured, numbers=numbers, seed=seed, data=data)
    write_record(output, record)
    emit(record.document(), certified_lines(subject.title(numbers.n), numbers), as_json=as_json)


def certified_lines(title: str, numbers: "CertifiedNumbers") -> list[str]:
    """The record in lines for a reader."""
    rows = [(f"L-infinity {255 * row.radius:g}/255", row) for row in numbers.linf]
    rows += [(f"L2 {row.radius:g}", row) for row in numbers.l2]
    return [
        f"{title}, smoothed with {numbers.smoothing.draws:,} draws at alpha {numbers.smoothing.alpha:g}",
        f"correct and certified at all: {_share(numbers.clean)}; abstained on {numbers.abstained}",
        *(f"  within {name:<20} {_share(row)}" for name, row in rows),
    ]


def _share(share: "Accuracy") -> str:
    low, high = share.balanced_interval
    return f"{percent(share.balanced_accuracy)} ({percent(low)} to {percent(high)}) balanced"


ORDER = 216
COMMANDS = (Command("certified", certified),)
