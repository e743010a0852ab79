"""`meddef publish`: a run becomes a model of the zoo."""

from pathlib import Path
from typing import Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag
from meddef_core.cli.output import emit, progress
from meddef_core.errors import MedDefError
from meddef_core.text import Text


def publish(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a finished training run.", file_okay=False)],
    values: Annotated[str, typer.Option(help="float16, exact, or int8: smaller, and rounded.")] = "float16",
    sparsity: Annotated[
        float, typer.Option(help="Share of weights to prune in one shot first, chosen on validation.")
    ] = 0.0,
    offsets: Annotated[
        bool,
        typer.Option("--offsets", help="Balance the classes by offsets on the logits, chosen on validation scans."),
    ] = False,
    shifted: Annotated[
        bool,
        typer.Option("--shifted", help="With --offsets: also use stretched, cropped and brightened copies."),
    ] = False,
    other_hospital: Annotated[
        bool,
        typer.Option("--other-hospital", help="With --offsets: also use another hospital's development scans."),
    ] = False,
    name: Annotated[str | None, typer.Option(help="Name of the model and its folder; else the recipe's.")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the model; else the recipe's.")] = None,
    summary: Annotated[str | None, typer.Option(help="Summary in one sentence; else the recipe's.")] = None,
    devices: Annotated[int, typer.Option(help="Processes that share the attacks.", min=1)] = 1,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Evaluate a run's best weights on the test set, and write them with their card to the models folder."""
    from meddef_core.data.store import find_data_dir
    from meddef_core.evaluation.shifts import MOVING, SHIFTS
    from meddef_core.pruning.masks import zeros_of
    from meddef_core.publishing.trained import publish as measure_and_write
    from meddef_core.zoo import check_spelling, models_root
    from meddef_core.zoo.packed import KINDS

    if values not in KINDS:
        raise MedDefError(
            Text(
                "cli.values-kind",
                "Values are stored as {kinds}, not {given}.",
                kinds=" or ".join(KINDS),
                given=repr(values),
            )
        )
    zeros_of(sparsity, size=0)
    if shifted and not offsets:
        raise MedDefError(
            Text("cli.publish-shifted-alone", "--shifted needs --offsets; add it, or leave out --shifted.")
        )
    if other_hospital and not offsets:
        raise MedDefError(
            Text(
                "cli.publish-hospital-alone", "--other-hospital needs --offsets; add it, or leave out --other-hospital."
            )
        )
    over = () if not offsets else MOVING if shifted else ("none",)
    if name is not None:
        check_spelling(name)
    with progress(f"measuring {run_dir}") as show:
        card = measure_and_write(
            run_dir,
            data_dir=find_data_dir(data_dir),
            root=models_root(),
            sparsity=sparsity,
            balanced_over=[shift for shift in SHIFTS if shift.key in over],
            other_hospital=other_hospital,
            values=values,
            name=name,
            title=title,
            summary=summary,
            devices=devices,
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    clean = card.metrics["clean"]["balanced_accuracy"]
    lines = [f"{card.key}: {clean:.1%} balanced accuracy on clean test scans, {card.weights.bytes / 1e6:.1f} MB"]
    emit(card.model_dump(mode="json"), lines, as_json=as_json)


ORDER = 50
COMMANDS = (Command("publish", publish),)
