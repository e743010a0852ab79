"""`meddef prune`: a pruned, packed and measured version of a model, or a sweep over sparsities."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.evaluate.lines import attack_title, share_line
from meddef_core.cli.input import DataDir, JsonFlag, ModelName, TaskKey, open_list, open_model
from meddef_core.cli.output import check_writable, emit, progress, write_json
from meddef_core.errors import MedDefError
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.attacks import AttackSpec
    from meddef_core.records import PruneRow
    from meddef_core.zoo import LoadedModel

PAPER = "paper"
"""What the paper prunes against: FGSM, PGD, BIM and JSMA, each as it sets it."""

BUDGETS = "4/255,8/255"


def prune(
    task: TaskKey,
    model: ModelName = "meddef",
    sparsity: Annotated[float | None, typer.Option(help="Share of weights to remove, as 0.5.")] = None,
    sweep: Annotated[bool, typer.Option("--sweep", help="Write no model: measure each sparsity.")] = False,
    name: Annotated[str | None, typer.Option(help="Name of the pruned model; else MODEL-pruned-PERCENT.")] = None,
    values: Annotated[str | None, typer.Option(help="float16, exact (usual), or int8: smaller, and rounded.")] = None,
    levels: Annotated[
        str | None, typer.Option(help="Sweep: shares to remove, separated by commas; else 0 to 0.8 in steps of 0.1.")
    ] = None,
    attacks: Annotated[
        str | None, typer.Option(help="Sweep: attacks, separated by commas (pgd), or paper for the paper's.")
    ] = None,
    eps: Annotated[str | None, typer.Option(help=f"Sweep: epsilons, separated by commas ({BUDGETS}).")] = None,
    steps: Annotated[int | None, typer.Option(help="Sweep: steps of iterative attacks (20).")] = None,
    loss: Annotated[str | None, typer.Option(help="Sweep: attack objective, ce or margin (margin).")] = None,
    seed: Annotated[int | None, typer.Option(help="Sweep: seed of the random starts (0).")] = None,
    part: Annotated[str | None, typer.Option(help="Sweep: train, val or test (test).")] = None,
    limit: Annotated[int | None, typer.Option(help="Sweep: use only this many scans of a fixed choice.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here.", dir_okay=False)] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Prune a model's smallest weights: write the pruned model and its card, or with --sweep measure every sparsity."""
    if output is not None:
        check_writable(output, suffixes=(".json",))
    if sweep == (sparsity is not None):
        raise MedDefError(
            Text("cli.prune-which", "Give either --sparsity, the share to prune, or --sweep to measure every sparsity.")
        )
    of_model = {"name": name, "values": values}
    of_attacks = {"eps": eps, "steps": steps, "loss": loss}
    of_sweep = {"levels": levels, "attacks": attacks, **of_attacks, "seed": seed, "part": part, "limit": limit}
    if sparsity is None:
        _refuse(of_model, Text("cli.sweep-writes-none", "--sweep writes no model"))
        if attacks == PAPER:
            _refuse(of_attacks, Text("cli.paper-own-settings", "the paper's attacks have settings of their own"))
        given = {"steps": 20 if steps is None else steps, "loss": loss or "margin", "seed": seed or 0}
        specs = _specs(attacks or "pgd", eps or BUDGETS, given=given)
        chosen = _levels(levels)
        loaded = open_model(task, model, at_site=False)
        document, lines = _sweep(
            loaded,
            specs,
            levels=chosen,
            jsma_on_few=attacks == PAPER,
            part=part or "test",
            limit=limit,
            data_dir=data_dir,
        )
    else:
        _refuse(of_sweep, Text("cli.prune-writes-model", "--sparsity writes a model, whose card has its own attacks"))
        loaded = open_model(task, model, at_site=False)
        document, lines = _write(loaded, sparsity, name=name, values=values or "float16", data_dir=data_dir)
    write_json(output, document)
    emit(document, lines, as_json=as_json)


def _refuse(given: dict[str, Any], why: str) -> None:
    if others := [f"--{key}" for key, value in given.items() if value is not None]:
        raise MedDefError(
            Text("cli.prune-leave-out", "Leave out {options}: {why}.", options=" and ".join(others), why=why)
        )


def _levels(text: str | None) -> tuple[float, ...]:
    from meddef_core.pruning.masks import zeros_of
    from meddef_core.studies.pruning_sweep import SPARSITIES

    if text is None:
        return SPARSITIES
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise MedDefError(
            Text("cli.prune-levels", "Levels are shares separated by commas, as 0.3,0.7, not {text}.", text=repr(text))
        ) from error
    for level in found:
        zeros_of(level, size=0)
    return found


def _write(
    loaded: "LoadedModel", sparsity: float, *, name: str | None, values: str, data_dir: Path | None
) -> tuple[dict[str, Any], list[str]]:
    from meddef_core.data.store import find_data_dir
    from meddef_core.pruning.masks import zeros_of
    from meddef_core.publishing.pruned import check_name, publish_pruned
    from meddef_core.records import figures_of
    from meddef_core.zoo import encode, models_root
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
    name = name or f"{loaded.card.name}-pruned-{round(100 * sparsity)}"
    check_name(models_root(), task=loaded.task.key, name=name)
    folder = find_data_dir(data_dir)
    with progress(f"{loaded.task.key}/{name}") as show:
        card = publish_pruned(
            loaded,
            sparsity=sparsity,
            name=name,
            values=values,
            data_dir=folder,
            root=models_root(),
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    left, figures = card.training["pruning"], figures_of(card.metrics)
    # Against fp16, whatever the base is stored as: rounding is no merit of the zeros.
    dense = len(encode(loaded.network.state_dict(), packed=False)[0])
    return card.model_dump(mode="json"), [
        f"{card.key}: {left['nonzero']:,} of {left['prunable']:,} weights left, {card.weights.bytes / 1e6:.2f} MB "
        f"(all of {loaded.card.key} in fp16 takes {dense / card.weights.bytes:.1f} times as much)",
        share_line("clean", figures.clean),
        *(share_line(attack_title(row, loss=True), row) for row in figures.attacked),
    ]


def _sweep(
    loaded: "LoadedModel",
    specs: list["AttackSpec"],
    *,
    levels: tuple[float, ...],
    jsma_on_few: bool,
    part: str,
    limit: int | None,
    data_dir: Path | None,
) -> tuple[dict[str, Any], list[str]]:
    from meddef_core.records import PruneRecord, build
    from meddef_core.studies.pruning_sweep import prune_sweep

    images, data = open_list(loaded, part, limit=limit, data_dir=data_dir)
    with progress(f"pruning {loaded.card.key}") as show:
        numbers = prune_sweep(
            loaded.network,
            images,
            classes=loaded.task.classes,
            attacks=specs,
            sparsities=levels,
            jsma_on_few=jsma_on_few,
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    record = build(PruneRecord, model=loaded, numbers=numbers, seed=specs[0].seed, data=data)
    title = f"{loaded.card.key} on {part} ({data['protocol']}, n = {len(images)}), balanced accuracy with 95% interval"
    return record.document(), [title, *(line for row in record.numbers.rows for line in _level(row))]


def _specs(attacks: str, eps: str, *, given: dict[str, Any]) -> list["AttackSpec"]:
    """Every attack at every budget; settings that an attack does not have are left out."""
    from dataclasses import replace

    from meddef_core.attacks import default_spec, get_attack
    from meddef_core.eps import parse_eps
    from meddef_core.studies.paper_pruning import pruning_attacks

    if attacks == PAPER:
        return [replace(spec, seed=given["seed"]) for spec in pruning_attacks()]
    specs = []
    for name in (part.strip() for part in attacks.split(",")):
        info = get_attack(name)
        if info.needs_source:
            raise MedDefError(
                Text(
                    "cli.prune-needs-source",
                    "{title} needs a second model, which this command does not offer; leave it out.",
                    title=info.title,
                )
            )
        wanted = given | {"stop_when_fooled": True}
        changes = {key: value for key, value in wanted.items() if key in info.settings}
        specs += [default_spec(name, eps=parse_eps(text.strip(), norm=info.norm), **changes) for text in eps.split(",")]
    return specs


def _level(row: "PruneRow") -> list[str]:
    only = [name for name, share in row.answers.items() if share == 1]
    lines = [f"{row.sparsity:.0%} pruned" + (f": predicts every scan as {only[0]}" if only else "")]
    lines.append(share_line("clean", row.clean))
    for attacked in row.attacked:
        rate = attacked.attack_success_rate
        told = "undefined" if rate is None else f"{rate:.1%}"
        lines.append(f"{share_line(attack_title(attacked), attacked)}, attack success {told}")
    return lines


ORDER = 90
COMMANDS = (Command("prune", prune),)
