"""`meddef dissect`: module ablation: what the modules of a trained network contribute."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag, ModelName, TaskKey, open_list, open_model
from meddef_core.cli.output import check_writable, emit, progress, write_record

if TYPE_CHECKING:
    from meddef_core.records import DissectionNumbers


def dissect(
    task: TaskKey,
    model: ModelName = "meddef",
    eps: Annotated[str, typer.Option(help="Epsilon in pixel units, as 8/255 or 0.03.")] = "8/255",
    loss: Annotated[str, typer.Option(help="Attack objective: ce or margin.")] = "ce",
    seed: Annotated[int, typer.Option(help="Seed of the random starts.")] = 0,
    part: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Use only this many scans, a fixed choice from each class.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here.", dir_okay=False)] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Remove each module of a trained network without retraining, and attack the rest."""
    from meddef_core.attacks import default_spec
    from meddef_core.eps import parse_eps
    from meddef_core.records import DissectionRecord, build
    from meddef_core.studies.dissection import dissect as measure

    if output is not None:
        check_writable(output, suffixes=(".json",))
    attack = default_spec("pgd", eps=parse_eps(eps), steps=20, loss=loss, seed=seed, stop_when_fooled=True)
    loaded = open_model(task, model)
    images, data = open_list(loaded, part, limit=limit, data_dir=data_dir)
    with progress(f"dissecting {loaded.card.key}") as show:
        numbers = measure(
            loaded.network,
            images,
            classes=len(loaded.task.classes),
            attack=attack,
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    record = build(DissectionRecord, model=loaded, numbers=numbers, spec=attack, data=data)
    write_record(output, record)
    lines = [f"{loaded.card.key} on {part} ({data['protocol']})", *_lines(record.numbers)]
    emit(record.document(), lines, as_json=as_json)


def _lines(numbers: "DissectionNumbers") -> list[str]:
    from meddef_core.eps import format_eps

    gates = numbers.gates
    lines = [
        f"DAAM adds {gates.added:.0%} of what it is given; the attack moves the features by "
        f"{gates.moved_before:.0%} before it and {gates.moved_after:.0%} after it.",
    ]
    if gate := gates.noise_gate:
        lines.append(
            f"AFD's gate: mean {gate.mean:.2f}, {gate.shut:.1%} shut, {gate.open:.1%} open; the attack moves "
            f"it by {gate.moved:.3f}, and its mean tells attacked scans at a ROC area of {gate.detects:.2f}."
        )
    lines.append(f"Balanced accuracy clean and at {format_eps(numbers.eps)} (PGD-20), n = {numbers.n}:")
    lines += [
        f"  {row.title:<28} {row.clean.balanced_accuracy:6.1%} {row.attacked.balanced_accuracy:6.1%}  p = {row.p:.2g}"
        for row in numbers.lesions
    ]
    return lines


ORDER = 180
COMMANDS = (Command("dissect", dissect),)
