"""The commands that fetch data and train on it: `meddef data`, `meddef train`, `meddef average`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from meddef_core.cli.input import DataDir, JsonFlag
from meddef_core.cli.output import emit, progress
from meddef_core.errors import DataError, RecipeError

data_app = typer.Typer(help="See and fetch the public data sets.", no_args_is_help=True)


@data_app.command()
def status(data_dir: DataDir = None, as_json: JsonFlag = False) -> None:
    """Say which data sets are complete, and what every list of theirs holds."""
    from meddef_core.data import store
    from meddef_core.data.lists import PARTS, PROTOCOLS

    found = store.status(store.find_data_dir(data_dir))
    lines: list[str] = []
    for key, task in found["tasks"].items():
        lines.append(f"{key}: {task['title']}, " + ("ready" if task["ready"] else task["problem"]))
        for protocol in PROTOCOLS if task["ready"] else ():
            parts = (f"{part} {task[protocol][part]['scans']}" for part in PARTS)
            lines.append(f"  {protocol}: {', '.join(parts)} scans")
    emit(found, lines, as_json=as_json)


@data_app.command()
def fetch(
    task: Annotated[str, typer.Argument(help="oct or chest.")],
    archive: Annotated[Path, typer.Option(help="The public archive as you downloaded it.", dir_okay=False)],
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Unpack a public archive that you downloaded into the data folder, whole or not at all."""
    from meddef_core.data import store

    if data_dir is None:
        raise DataError("No data folder is set; name the one to unpack into with --data-dir or MEDDEF_DATA_DIR.")
    with progress(f"unpacking {task}") as show:
        result = store.fetch(task, archive=archive, data_dir=data_dir, on_file=lambda n: show(n, None, "scans"))
    scans = ", ".join(f"{part} {count}" for part, count in result["scans"].items())
    emit(result, [f"{task}: {scans} scans in {result['folder']}"], as_json=as_json)


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, such as assets/recipes/chest-meddef.yaml.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value of the recipe.", metavar="KEY=VALUE")
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", help="Folder of the run; a run that is there goes on.", file_okay=False)
    ] = None,
    devices: Annotated[int, typer.Option(help="Processes on this machine, one a GPU where there are any.", min=1)] = 1,
    num_nodes: Annotated[
        int, typer.Option("--num-nodes", help="Machines that run this command, each with its NODE_RANK.", min=1)
    ] = 1,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Train a model by a recipe, or go on where an interrupted run stopped."""
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


def average(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs that began at the same weights.")],
    output: Annotated[Path, typer.Option(help="Folder for the average, which is then a run like any.")],
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Average the chosen weights of several runs of one network and score the result on validation patients."""
    from meddef_core.data.store import find_data_dir
    from meddef_core.training.averaging import average_runs

    result = average_runs(runs, data_dir=find_data_dir(data_dir), output=output)
    parts = ", ".join(f"{score:.1%}" for score in result.scores)
    line = f"{output}: {result.score:.1%} on validation; the runs alone have {parts}"
    emit({**asdict(result), "run_dir": str(result.run_dir)}, [line], as_json=as_json)


def _overrides(settings: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in settings]
    for key, sign, _ in pairs:
        if not key or not sign:
            raise RecipeError(f"--set takes KEY=VALUE, such as optimizer.lr=0.001, not {key!r}.")
    return {key: value for key, _, value in pairs}
