"""The commands around the zoo: `meddef publish` and `meddef card` fill it, `meddef tables` tells its numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from meddef_core.cli.input import DataDir, JsonFlag, ModelName, TaskKey, open_model
from meddef_core.cli.output import emit, progress
from meddef_core.errors import MedDefError

if TYPE_CHECKING:
    from meddef_core.zoo.packed import Values


def publish(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a finished training run.", file_okay=False)],
    values: Annotated[str, typer.Option(help="float16, exact, or int8: smaller, and rounded.")] = "float16",
    sparsity: Annotated[
        float, typer.Option(help="Share of weights to prune in one shot first, chosen on validation.")
    ] = 0.0,
    offsets: Annotated[
        bool,
        typer.Option("--offsets", help="Balance the classes first, by offsets on the logits chosen on validation."),
    ] = False,
    shifted: Annotated[
        bool,
        typer.Option(
            "--shifted", help="With --offsets: choose them over stretched, cut and brightened copies as well."
        ),
    ] = False,
    other_hospital: Annotated[
        bool,
        typer.Option(
            "--other-hospital", help="With --offsets: choose them on another hospital's development scans as well."
        ),
    ] = False,
    name: Annotated[str | None, typer.Option(help="Folder and name of the model; else the recipe's name.")] = None,
    title: Annotated[str | None, typer.Option(help="What the model is called; else as its recipe says.")] = None,
    summary: Annotated[str | None, typer.Option(help="One sentence on it; else as its recipe says.")] = None,
    devices: Annotated[int, typer.Option(help="Processes that share the attacks.", min=1)] = 1,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure a run's best weights on the test list, and write them with their card to the models folder."""
    from meddef_core.data.store import find_data_dir
    from meddef_core.evaluation.shifts import MOVING, SHIFTS
    from meddef_core.pruning.masks import zeros_of
    from meddef_core.publishing.trained import publish as measure_and_write
    from meddef_core.zoo import check_spelling, models_root
    from meddef_core.zoo.packed import KINDS

    if values not in KINDS:
        raise MedDefError(f"Values are stored as {' or '.join(KINDS)}, not {values!r}.")
    zeros_of(sparsity, size=0)
    if shifted and not offsets:
        raise MedDefError("--shifted says what offsets are chosen over; give --offsets as well, or leave it out.")
    if other_hospital and not offsets:
        raise MedDefError("--other-hospital says what offsets are chosen on; give --offsets as well, or leave it out.")
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
            values=cast("Values", values),
            name=name,
            title=title,
            summary=summary,
            devices=devices,
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    clean = card.metrics["clean"]["balanced_accuracy"]
    lines = [f"{card.key}: {clean:.1%} balanced accuracy on clean test scans, {card.weights.bytes / 1e6:.1f} MB"]
    emit(card.model_dump(mode="json"), lines, as_json=as_json)


def card(
    task: TaskKey,
    model: ModelName = "meddef",
    write: Annotated[bool, typer.Option("--write", help="Put what was measured onto the model's card.")] = False,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure areas under the ROC curve and the cost of a reading: work, weights, time beside the undefended twin."""
    from meddef_core.baselines.sides import UNDEFENDED
    from meddef_core.data.images import load_images
    from meddef_core.data.lists import build_lists
    from meddef_core.data.store import find_data_dir
    from meddef_core.publishing.card_facts import card_facts
    from meddef_core.records import plain
    from meddef_core.zoo import list_models, rewrite_card

    loaded = open_model(task, model)
    folder = find_data_dir(data_dir)
    measured = loaded.card.data.get("lists", {}).get("test", {}).get("sha256")
    if measured is None or "clean" not in loaded.card.metrics:
        raise MedDefError(f"The card of {loaded.card.key} was measured on no test list; publish its run first.")
    lists = build_lists(loaded.task, folder, protocol=str(loaded.card.data.get("protocol", "official")))
    if lists.digest("test") != measured:
        raise MedDefError(f"The test list on hand is not the one on {loaded.card.key}'s card; fetch that data set.")
    images = load_images(lists, "test", preprocessing=loaded.preprocessing, data_dir=folder)
    twin = f"{loaded.task.key}/{UNDEFENDED}"
    has_twin = twin != loaded.card.key and any(each.key == twin for each in list_models())
    facts = card_facts(loaded, images, twin=open_model(task, UNDEFENDED) if has_twin else None)
    if write and loaded.folder is not None:
        changed = loaded.card.model_copy(update={"metrics": facts.onto(loaded.card.metrics)})
        rewrite_card(loaded.folder, changed)
    share = facts.nonzero_weights / facts.prunable_weights
    lines = [
        f"{loaded.card.key}: area under the ROC curve {facts.auroc:.3f} on {len(images)} clean test scans",
        f"  {facts.macs / 1e9:.2f} billion multiply-accumulates a scan",
        f"  {facts.nonzero_weights:,} of {facts.prunable_weights:,} weights of layers are not zero ({share:.0%})",
    ]
    if facts.latency is not None:
        lines.append(f"  {facts.latency['ratio']:.2f} times {facts.latency['beside']}'s time, in turns on one core")
    emit(plain(facts), lines, as_json=as_json)


def tables(
    names: Annotated[
        list[str] | None, typer.Argument(help="Tables to print; else the models' and the paper's.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Fill every table between its markers in this Markdown file.", dir_okay=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print what was measured as Markdown tables: of every model, in the worst case, of the paper, audited."""
    from meddef_core.report.tables import tables as known_tables
    from meddef_core.report.tables import write_blocks

    known = known_tables()
    if unknown := [name for name in names or [] if name not in known]:
        raise MedDefError(f"There is no table {unknown[0]!r}; there are: {', '.join(known)}.")
    if write is not None:
        write_blocks(write)
    usual = [name for name in known if name == "models" or name.startswith("paper-")]
    found = {name: known[name]() for name in names or usual}
    lines = [table if len(found) == 1 else f"{name}\n\n{table}\n" for name, table in found.items()]
    emit(found, lines, as_json=as_json)
