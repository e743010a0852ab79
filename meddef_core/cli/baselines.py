"""`meddef baselines`: the defences MedDef is compared with, ignored by their attacker and attacked adaptively."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag, TaskKey, open_model
from meddef_core.cli.output import check_writable, earlier_record, emit, progress, write_record
from meddef_core.eps import format_eps, parse_eps

if TYPE_CHECKING:
    from meddef_core.attacks import AttackSpec
    from meddef_core.attacks.spec import Loss
    from meddef_core.records import Accuracy, BaselineNumbers


def baselines(
    task: TaskKey,
    only: Annotated[str | None, typer.Option(help="Baselines, separated by commas; else all.")] = None,
    reference: Annotated[str, typer.Option(help="The model that the baselines defend.")] = "undefended",
    model: Annotated[list[str] | None, typer.Option(help="Another model of the zoo as a row; may be repeated.")] = None,
    run: Annotated[
        list[Path] | None, typer.Option(help="Folder of a finished run as a row; may be repeated.", file_okay=False)
    ] = None,
    attack: Annotated[str, typer.Option(help="Attack used by both attackers.")] = "pgd",
    eps: Annotated[str, typer.Option(help="Epsilon in pixel units, as 4/255 or 0.016.")] = "4/255",
    steps: Annotated[int, typer.Option(help="Steps of the attack.")] = 20,
    samples: Annotated[int, typer.Option(help="Draws averaged in each step against randomised baselines.")] = 8,
    loss: Annotated[str, typer.Option(help="Attack objective: ce or margin.")] = "margin",
    seed: Annotated[int, typer.Option(help="Seed of random starts and of randomised baselines.")] = 0,
    part: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Use this many scans, spread over all classes.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the record here; defences already in it are not attacked again.")
    ] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare defences from the literature: clean, under a non-adaptive and under an adaptive attack."""
    from meddef_core.attacks import AttackSpec
    from meddef_core.data.images import load_images
    from meddef_core.data.lists import build_lists
    from meddef_core.data.store import find_data_dir
    from meddef_core.records import BaselineRecord, build
    from meddef_core.studies.defence_contenders import contenders, entrant_of_model, entrant_of_run
    from meddef_core.studies.defences import compare, some_of_each_class

    if output is not None:
        check_writable(output, suffixes=(".json",))
    raised = cast("Loss", loss)  # AttackSpec refuses others
    spec = AttackSpec(name=attack, eps=parse_eps(eps), steps=steps, samples=samples, loss=raised, seed=seed)
    loaded = open_model(task, reference)
    first = entrant_of_model(loaded)
    others = [entrant_of_model(open_model(task, name)) for name in model or []]
    others += [entrant_of_run(path) for path in run or []]
    rows = contenders(first, others, names=None if only is None else [name.strip() for name in only.split(",")])
    folder = find_data_dir(data_dir)
    lists = build_lists(loaded.task, folder, protocol=first.protocol)
    images = load_images(lists, part, preprocessing=loaded.preprocessing, data_dir=folder)
    if limit is not None:
        images = some_of_each_class(images, limit)
    data = {"protocol": first.protocol, "part": part, "n": len(images), "sha256": lists.digest(part), "limit": limit}
    with progress(f"baselines on {task}") as show:
        numbers = compare(
            rows,
            images,
            spec,
            classes=loaded.task.classes,
            kept=_kept(output, data, spec),
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    record = build(BaselineRecord, model=loaded, spec=spec, numbers=numbers, data=data)
    write_record(output, record)
    emit(record.document(), _lines(record.numbers, title=f"{task} {part} ({first.protocol})"), as_json=as_json)


def _kept(output: Path | None, data: dict[str, Any], spec: "AttackSpec") -> list[dict[str, Any]]:
    """The rows of an earlier record of the same scans and attack."""
    from meddef_core.records import BaselineRecord, ScanList, Spec, plain

    earlier = earlier_record(BaselineRecord, output)
    if earlier is None or earlier.data != ScanList(**data) or earlier.spec != Spec(**plain(spec)):
        return []
    return [plain(row) for row in earlier.numbers.rows]


def _lines(numbers: "BaselineNumbers", *, title: str) -> list[str]:
    attack = f"{numbers.attack.name} at {format_eps(numbers.eps)}"
    rows = [[row.id, *(_share(share) for share in (row.clean, row.ignoring, row.adaptive))] for row in numbers.rows]
    return [
        f"{title}, n = {numbers.n}, {attack}: balanced accuracy with 95% interval",
        *(
            f"  {name:<26} {clean:^24} {ignoring:^24} {adapts:^24}".rstrip()
            for name, clean, ignoring, adapts in (
                ["", "clean", "non-adaptive attack", "adaptive attack"],
                *rows,
            )
        ),
    ]


def _share(share: "Accuracy") -> str:
    low, high = share.balanced_interval
    return f"{share.balanced_accuracy:6.1%} ({low:6.1%} to {high:6.1%})"


ORDER = 160
COMMANDS = (Command("baselines", baselines),)
