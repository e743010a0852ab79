"""`meddef train`: a recipe becomes a run."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag
from meddef_core.cli.output import emit, progress
from meddef_core.errors import RecipeError
from meddef_core.text import Text


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, such as assets/recipes/chest-meddef.yaml.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value of the recipe.", metavar="KEY=VALUE")
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", help="Folder of the run; an existing run is resumed.", file_okay=False)
    ] = None,
    devices: Annotated[int, typer.Option(help="Processes on this machine, one per GPU if there are any.", min=1)] = 1,
    num_nodes: Annotated[
        int, typer.Option("--num-nodes", help="Machines that run this command, each with its NODE_RANK.", min=1)
    ] = 1,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Train a model by a recipe, or resume an interrupted run."""
    from meddef_core.data.store import find_data_dir
    from meddef_core.training.loop import StepReport
    from meddef_core.training.loop import train as run
    from meddef_core.training.recipe import load_recipe

    loaded = load_recipe(recipe, _overrides(settings or []))
    folder = run_dir or Path("runs") / f"{loaded.task}-{loaded.name}"
    with progress(f"{loaded.task}/{loaded.name}") as show:

        def on_progress(report: StepReport) -> None:
            show(report.step, report.total, f"loss {report.loss:.3f}, {report.images_per_second:.0f} images/s")

        result = run(
            loaded,
            data_dir=find_data_dir(data_dir),
            run_dir=folder,
            on_progress=on_progress,
            devices=devices,
            num_nodes=num_nodes,
        )
    document = {**asdict(result), "run_dir": str(result.run_dir)}
    line = f"{folder}: {result.steps} steps, best at {result.best_step} with {result.best_score:.1%} on validation"
    emit(document, [line], as_json=as_json)


def _overrides(settings: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in settings]
    for key, sign, _ in pairs:
        if not key or not sign:
            raise RecipeError(
                Text(
                    "cli.train-set-form", "--set takes KEY=VALUE, such as optimizer.lr=0.001, not {key}.", key=repr(key)
                )
            )
    return {key: value for key, _, value in pairs}


ORDER = 30
COMMANDS = (Command("train", train),)
