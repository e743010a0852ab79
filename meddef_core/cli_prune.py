"""`meddef prune`: a pruned, packed and measured twin of a model, or what pruning does to it level by level."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from meddef_core.cli_input import DataDir, JsonFlag, ModelName, TaskKey, open_list, open_model
from meddef_core.cli_output import check_writable, emit, progress, write_file
from meddef_core.errors import MedDefError

if TYPE_CHECKING:
    from meddef_core.attacks import AttackSpec
    from meddef_core.pruning.packed import Values
    from meddef_core.zoo import LoadedModel


def prune(
    task: TaskKey,
    model: ModelName = "meddef",
    sparsity: Annotated[float | None, typer.Option(help="Share of weights to remove, as 0.5.")] = None,
    sweep: Annotated[bool, typer.Option("--sweep", help="Write no model: measure 0 to 80 % in steps of ten.")] = False,
    name: Annotated[str | None, typer.Option(help="Name of the pruned model; else MODEL-pruned-PERCENT.")] = None,
    values: Annotated[str, typer.Option(help="float16, exact, or int8: smaller, and rounded.")] = "float16",
    attacks: Annotated[str, typer.Option(help="Sweep: attacks, separated by commas.")] = "pgd",
    eps: Annotated[str, typer.Option(help="Sweep: budgets, separated by commas.")] = "4/255,8/255",
    steps: Annotated[int, typer.Option(help="Sweep: steps of iterative attacks.")] = 20,
    loss: Annotated[str, typer.Option(help="Sweep: what the attacks raise, ce or margin.")] = "margin",
    seed: Annotated[int, typer.Option(help="Sweep: seed of the random starts.")] = 0,
    part: Annotated[str, typer.Option(help="Sweep: train, val or test.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Sweep: only so many scans, a fixed choice of each class.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here.", dir_okay=False)] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Prune a model's smallest weights: write the pruned model with its card, or with --sweep, measure every level."""
    if output is not None:
        check_writable(output, suffixes=(".json",))
    if sweep == (sparsity is not None):
        raise MedDefError("Say either how much to prune, with --sparsity, or --sweep to measure every level.")
    loaded = open_model(task, model)
    if sparsity is None:
        specs = _specs(attacks, eps, steps=steps, loss=loss, seed=seed)
        document, lines = _sweep(loaded, specs, part=part, limit=limit, data_dir=data_dir)
    else:
        document, lines = _write(loaded, sparsity, name=name, values=values, data_dir=data_dir)
    if output is not None:
        write_file(output, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())
    emit(document, lines, as_json=as_json)


def _write(
    loaded: "LoadedModel", sparsity: float, *, name: str | None, values: str, data_dir: Path | None
) -> tuple[dict[str, Any], list[str]]:
    from meddef_core.data.store import find_data_dir
    from meddef_core.pruning.masks import zeros_of
    from meddef_core.pruning.packed import KINDS
    from meddef_core.pruning.publish import check_name, publish_pruned
    from meddef_core.zoo import models_root

    if values not in KINDS:
        raise MedDefError(f"Values are stored as {' or '.join(KINDS)}, not {values!r}.")
    zeros_of(sparsity, size=0)
    name = name or f"{loaded.card.name}-pruned-{round(100 * sparsity)}"
    check_name(models_root(), task=loaded.task.key, name=name)
    folder = find_data_dir(data_dir)
    with progress(f"{loaded.task.key}/{name}") as show:
        card = publish_pruned(
            loaded,
            sparsity=sparsity,
            name=name,
            values=cast("Values", values),
            data_dir=folder,
            root=models_root(),
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    left, clean = card.training["pruning"], card.metrics["clean"]
    return card.model_dump(mode="json"), [
        f"{card.key}: {left['nonzero']:,} of {left['prunable']:,} weights left, {card.weights.bytes / 1e6:.2f} MB "
        f"({loaded.card.weights.bytes / card.weights.bytes:.1f} times smaller than {loaded.card.key})",
        _line("clean", clean),
        *(_line(f"{row['spec']['name']} {row['spec']['loss']} {row['eps']}", row) for row in card.metrics["attacked"]),
    ]


def _sweep(
    loaded: "LoadedModel", specs: list["AttackSpec"], *, part: str, limit: int | None, data_dir: Path | None
) -> tuple[dict[str, Any], list[str]]:
    from meddef_core.pruning.sweep import prune_sweep
    from meddef_core.record import record

    images, data = open_list(loaded, part, limit=limit, data_dir=data_dir)
    with progress(f"pruning {loaded.card.key}") as show:
        numbers = prune_sweep(
            loaded.network,
            images,
            classes=loaded.task.classes,
            attacks=specs,
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    document = record("prune_sweep", model=loaded.card, numbers=numbers, seed=specs[0].seed, data=data)
    title = f"{loaded.card.key} on {part} ({data['protocol']}, n = {len(images)}), balanced accuracy with 95 % interval"
    return document, [title, *(line for row in numbers["rows"] for line in _level(row))]


def _specs(attacks: str, eps: str, *, steps: int, loss: str, seed: int) -> list["AttackSpec"]:
    """Every attack at every budget; settings that an attack does not have are left out."""
    from meddef_core.attacks import default_spec, get_attack, parse_eps

    specs = []
    for name in (part.strip() for part in attacks.split(",")):
        info = get_attack(name)
        if info.needs_source:
            raise MedDefError(f"{info.title} needs a second model, which this command has none of; leave it out.")
        given = {"steps": steps, "loss": loss, "seed": seed, "stop_when_fooled": True}
        changes = {key: value for key, value in given.items() if key in info.settings}
        specs += [default_spec(name, eps=parse_eps(text.strip(), norm=info.norm), **changes) for text in eps.split(",")]
    return specs


def _level(row: dict[str, Any]) -> list[str]:
    only = [name for name, share in row["answers"].items() if share == 1]
    lines = [f"{row['sparsity']:.0%} pruned" + (f": reads every scan as {only[0]}" if only else "")]
    lines.append(_line("clean", row["clean"]))
    for attacked in row["attacked"]:
        rate = attacked["attack_success_rate"]
        told = "undefined" if rate is None else f"{rate:.1%}"
        named = f"{attacked['spec']['name']} {attacked['eps']}"
        lines.append(f"{_line(named, attacked)}, attack success {told}")
    return lines


def _line(title: str, row: dict[str, Any]) -> str:
    low, high = row["balanced_interval"]
    return f"  {title:<28} {row['balanced_accuracy']:6.1%}  ({low:.1%} to {high:.1%})"
