"""`meddef ablation`: variants of the network, trained by one recipe over seeds, attacked on the same scans."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag, TaskKey, open_list
from meddef_core.cli.output import check_writable, earlier_record, emit, progress, write_record
from meddef_core.eps import format_eps, parse_eps
from meddef_core.errors import ModelError
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.records import AblationNumbers
    from meddef_core.studies.ablation import MeasuredVariant


def ablation(
    task: TaskKey,
    run: Annotated[
        list[Path], typer.Option(help="Folder of a finished run; repeat for every variant and seed.", file_okay=False)
    ],
    eps: Annotated[str, typer.Option(help="Epsilon in pixel units, as 8/255 or 0.03.")] = "8/255",
    restarts: Annotated[int, typer.Option(help="Random starts of each attack.", min=1)] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the random starts.")] = 0,
    part: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Use only this many scans, a fixed choice from each class.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write the record here; networks already in it are kept and not attacked again.", dir_okay=False
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare variants of the network that were trained by one recipe: each seed, their spread, and paired tests."""
    from meddef_core.records import AblationRecord, ModelRef, build, plain
    from meddef_core.studies.ablation import (
        FULL,
        ablation_attacks,
        measure_trained,
        open_trained,
        parts_of,
        shared_recipe,
        summarise,
    )

    if output is not None:
        check_writable(output, suffixes=(".json",))
    budget = parse_eps(eps)
    trained = open_trained(run, task=task)
    first = trained[0].model
    images, named = open_list(first, part, limit=limit, data_dir=data_dir)
    specs = ablation_attacks(len(first.task.classes), eps=budget, restarts=restarts, seed=seed)
    data = named | {"attacks": plain(specs)}
    recipe = shared_recipe(trained[0].recipe)
    found = {each.place: each for each in _earlier(output, data, recipe)}

    def record() -> AblationRecord:
        numbers = summarise(list(found.values()), eps=budget, recipe=recipe)
        full = ModelRef(key=f"{task}/{FULL}", weights_sha256=numbers["rows"][0]["seeds"][0]["weights_sha256"])
        return build(AblationRecord, model=full, numbers=numbers, seed=seed, data=data)

    variants = [each.variant for each in trained] + [each.variant for each in found.values()]
    if FULL not in map(parts_of, variants):
        raise ModelError(
            Text(
                "cli.ablation-no-full",
                "No run is of the variant {variant}, which the others are compared with; name one with --run.",
                variant=FULL,
            )
        )
    known = {each.numbers["weights_sha256"] for each in found.values()}
    for each in trained:
        if each.weights in known:
            continue
        with progress(each.run) as show:
            measured = measure_trained(each, images, specs, on_progress=show)
        found[measured.place] = measured
        # A network takes minutes to hours: whoever stops here goes on with the next one.
        write_record(output, record())
    finished = record()
    write_record(output, finished)
    emit(finished.document(), _lines(finished.numbers), as_json=as_json)


def _earlier(output: Path | None, data: Mapping[str, Any], recipe: Mapping[str, Any]) -> list["MeasuredVariant"]:
    """The networks of an earlier record; ModelError if they cannot be compared with the new ones."""
    from meddef_core.records import AblationRecord, ScanList
    from meddef_core.studies.ablation import differs, measured_of

    earlier = earlier_record(AblationRecord, output)
    if earlier is None:
        return []
    if earlier.data != ScanList(**data):
        raise ModelError(
            Text(
                "cli.ablation-other-scans",
                "{path} holds networks attacked on other scans or settings; choose another file.",
                path=output,
            )
        )
    if other := differs(earlier.numbers.recipe, recipe):
        raise ModelError(
            Text(
                "cli.ablation-other-recipe",
                "{path} holds networks trained by another recipe ({difference}); choose another file.",
                path=output,
                difference=other,
            )
        )
    return [each for row in earlier.numbers.rows for each in measured_of(row)]


def _lines(numbers: "AblationNumbers") -> list[str]:
    count, eps = sum(len(row.seeds) for row in numbers.rows), format_eps(numbers.eps)
    lines = [f"{count} networks on {numbers.n} scans at {eps}: balanced accuracy, clean and attacked"]
    for row in numbers.rows:
        shares = ", ".join(
            f"seed {each.seed} {each.clean.balanced_accuracy:.1%} {each.attacked.balanced_accuracy:.1%}"
            for each in row.seeds
        )
        lines.append(f"  {row.title:<24} {shares}")
    lines += [
        f"  {pair.first} against {pair.second}: scans robust on the first only {pair.only_first}, "
        f"on the second only {pair.only_second}, p = {pair.p:.2g}"
        for pair in numbers.pairs
    ]
    return [*lines, numbers.verdict] if numbers.verdict else lines


ORDER = 170
COMMANDS = (Command("ablation", ablation),)
