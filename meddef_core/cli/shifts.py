"""`meddef shifts`: accuracy on scans that were stretched, cropped, dimmed or blurred, without an attacker."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag, TaskKey, open_model
from meddef_core.cli.output import check_writable, emit, progress, write_record
from meddef_core.errors import ModelError
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.records import ShiftNumbers
    from meddef_core.zoo import LoadedModel

NOTE = (
    "None of these changes is a finding: a lower recall shows that the network also depends on the scan's shape, frame "
    "or exposure. A human reader would classify most of these scans as before."
)


def shifts(
    task: TaskKey,
    model: Annotated[
        list[str] | None, typer.Option(help="A name from `meddef models`; may be repeated; else undefended and meddef.")
    ] = None,
    run: Annotated[
        list[Path] | None, typer.Option(help="Folder of a finished run; may be repeated.", file_okay=False)
    ] = None,
    part: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here.")] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Evaluate models on scans with natural changes such as a stretch."""
    from meddef_core.data.images import load_images
    from meddef_core.data.lists import build_lists
    from meddef_core.data.store import find_data_dir
    from meddef_core.evaluation.shifts import read_shifted
    from meddef_core.records import ShiftRecord, build, identity_of, identity_of_several
    from meddef_core.training.finished import open_run

    if output is not None:
        check_writable(output, suffixes=(".json",))
    names = model or ([] if run else ["undefended", "meddef"])
    opened = [open_model(task, name) for name in names]
    found = [(loaded, loaded.card.key) for loaded in opened]
    found += [(open_run(path), path.name) for path in run or []]
    first = found[0][0]
    for loaded, name in found:
        if loaded.task.key != task:
            raise ModelError(
                Text(
                    "cli.shifts-other-task",
                    "{name} reads {task} scans, not {asked}; leave it out.",
                    name=name,
                    task=loaded.task.key,
                    asked=task,
                )
            )
        if _protocol(loaded) != _protocol(first):
            raise ModelError(
                Text(
                    "cli.shifts-other-split",
                    "{name} was trained on another split than {other}; evaluate it on its own.",
                    name=name,
                    other=found[0][1],
                )
            )
    folder = find_data_dir(data_dir)
    lists = build_lists(first.task, folder, protocol=_protocol(first))
    rows: list[dict[str, Any]] = []
    for loaded, name in found:
        images = load_images(lists, part, preprocessing=loaded.preprocessing, data_dir=folder)
        with progress(f"shifts, {name}") as show:
            changes = read_shifted(
                loaded.network,
                images,
                classes=loaded.task.classes,
                on_shift=lambda done, total: show(done, total, ""),
            )
        rows.append({"model": name, "weights_sha256": loaded.card.weights.sha256, "shifts": changes})
    numbers = {"n": len(images), "rows": rows, "note": NOTE}
    data = {"protocol": lists.protocol, "part": part, "n": len(images), "sha256": lists.digest(part)}
    one = first if not run else identity_of(first, carded=False)
    measured = one if len(found) == 1 else identity_of_several(task, "several")
    record = build(ShiftRecord, model=measured, numbers=numbers, data=data)
    write_record(output, record)
    emit(record.document(), _lines(record.numbers), as_json=as_json)


def _protocol(loaded: "LoadedModel") -> str:
    return str(loaded.card.data.get("protocol", "official"))


def _lines(numbers: "ShiftNumbers") -> list[str]:
    lines = []
    for row in numbers.rows:
        lines.append(f"{row.model}, n = {numbers.n}: balanced accuracy, and recalls")
        for each in row.shifts:
            said = ", ".join(f"{label} {share:.1%}" for label, share in each.recall.items())
            lines.append(f"  {each.title:<22} {each.balanced_accuracy:6.1%}  {said}")
    return [*lines, numbers.note]


ORDER = 200
COMMANDS = (Command("shifts", shifts),)
