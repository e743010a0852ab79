"""The commands that work on whole data sets: `meddef data`, `meddef train`, `meddef evaluate`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli_input import DataDir, JsonFlag, ModelName, TaskKey, open_model
from meddef_core.cli_output import emit, progress, tell
from meddef_core.errors import DataError, RecipeError

if TYPE_CHECKING:
    from meddef_core.attacks import AttackSpec
    from meddef_core.zoo import Card

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
    recipe: Annotated[Path, typer.Argument(help="A recipe, such as assets/recipes/chest_meddef.yaml.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value of the recipe.", metavar="KEY=VALUE")
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", help="Folder of the run; a run that is there goes on.", file_okay=False)
    ] = None,
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

        result = run(loaded, data_dir=find_data_dir(data_dir), run_dir=folder, on_progress=on_progress)
    document = {**asdict(result), "run_dir": str(result.run_dir)}
    line = f"{folder}: {result.steps} steps, best at {result.best_step} with {result.best_score:.1%} on validation"
    emit(document, [line], as_json=as_json)


def evaluate(
    task: TaskKey,
    model: ModelName = "meddef",
    attacks: Annotated[str, typer.Option(help="Attacks, separated by commas; none for clean scans only.")] = "pgd",
    eps: Annotated[str, typer.Option(help="Budgets in pixel units, separated by commas.")] = "4/255,8/255",
    steps: Annotated[int, typer.Option(help="Steps of iterative attacks.")] = 20,
    loss: Annotated[str, typer.Option(help="What the attacks raise: ce or margin.")] = "ce",
    seed: Annotated[int, typer.Option(help="Seed of the random starts.")] = 0,
    protocol: Annotated[
        str | None, typer.Option(help="official or patient_split; only the one the model was trained under.")
    ] = None,
    part: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure a model on a list of scans: clean, and under each attack at each budget."""
    from meddef_core.data.images import load_images
    from meddef_core.data.lists import build_lists
    from meddef_core.data.store import find_data_dir
    from meddef_core.evaluation.report import measure
    from meddef_core.record import record

    specs = _specs(attacks, eps, steps=steps, loss=loss, seed=seed)
    loaded = open_model(task, model)
    folder = find_data_dir(data_dir)
    protocol = _protocol_of(loaded.card, protocol)
    lists = build_lists(loaded.task, folder, protocol=protocol)
    images = load_images(lists, part, task=loaded.task, data_dir=folder)
    with progress(loaded.card.key) as show:
        numbers = measure(
            loaded.network, images, classes=loaded.task.classes, attacks=specs,
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    digest = lists.digest(part)
    same = digest == loaded.card.data.get("lists", {}).get(part, {}).get("sha256")
    if not same:
        tell(f"These are other scans than the card's {part} list; the model may have seen some of their patients.")
    data = {"protocol": protocol, "part": part, "n": len(images), "sha256": digest, "same_list_as_card": same}
    document = record("evaluation", model=loaded.card, numbers=numbers, seed=seed, data=data)
    lines = [
        f"{loaded.card.key} on {part} ({protocol}, n = {len(images)}), balanced accuracy with 95 % interval",
        _line("clean", numbers["clean"]),
        *(_line(f"{row['spec']['name']} {row['eps']}", row) for row in numbers["attacked"]),
    ]
    emit(document, lines, as_json=as_json)


def _protocol_of(card: "Card", asked: str | None) -> str:
    """The protocol to measure under; raises DataError for one that puts training patients on the test list."""
    own = str(card.data.get("protocol", "official"))
    if asked is not None and asked != own:
        raise DataError(
            f"{card.key} was trained under the protocol {own!r}, so the lists of {asked!r} hold patients it has seen; "
            f"leave --protocol out or train a model under {asked!r}."
        )
    return own


def _specs(attacks: str, eps: str, *, steps: int, loss: str, seed: int) -> list["AttackSpec"]:
    """Every attack at every budget; none for "none"."""
    from meddef_core.attacks import AttackSpec, get_attack, parse_eps

    names = [name.strip() for name in attacks.split(",") if name.strip() != "none"]
    budgets = [parse_eps(text.strip()) for text in eps.split(",")]
    return [
        AttackSpec(name=get_attack(name).name, eps=budget, steps=steps, loss=loss, seed=seed, stop_when_fooled=True)
        for name in names
        for budget in budgets
    ]


def _line(title: str, row: dict[str, Any]) -> str:
    low, high = row["balanced_interval"]
    return f"  {title:<28} {row['balanced_accuracy']:6.1%}  ({low:.1%} to {high:.1%})"


def _overrides(settings: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in settings]
    for key, sign, _ in pairs:
        if not key or not sign:
            raise RecipeError(f"--set takes KEY=VALUE, such as optimizer.lr=0.001, not {key!r}.")
    return {key: value for key, _, value in pairs}
