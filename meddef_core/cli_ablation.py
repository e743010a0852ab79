"""`meddef ablation`: variants of the network, trained by one recipe over seeds, attacked on the same scans."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli_input import DataDir, JsonFlag, TaskKey
from meddef_core.cli_output import check_writable, emit, progress, write_file

if TYPE_CHECKING:
    from meddef_core.evaluation.ablation import Trained


def ablation(
    task: TaskKey,
    run: Annotated[
        list[Path], typer.Option(help="Folder of a finished run; repeat for every variant and seed.", file_okay=False)
    ],
    eps: Annotated[str, typer.Option(help="Budget in pixel units, as 8/255 or 0.03.")] = "8/255",
    restarts: Annotated[int, typer.Option(help="Random starts of each attack.", min=1)] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the random starts.")] = 0,
    part: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Take only so many scans, a fixed choice of each class.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write the record here; networks that it holds already are not attacked again.", dir_okay=False
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare variants of the network that were trained by one recipe: each seed, their spread, and paired tests."""
    from meddef_core.attacks import parse_eps
    from meddef_core.data.images import load_images
    from meddef_core.data.lists import build_lists
    from meddef_core.data.store import find_data_dir
    from meddef_core.evaluation.ablation import ablation_attacks, measure_trained, open_trained, summarise
    from meddef_core.evaluation.selection import some_of_each_class, take
    from meddef_core.record import plain, record

    if output is not None:
        check_writable(output, suffixes=(".json",))
    budget = parse_eps(eps)
    trained = open_trained(run, task=task)
    first = trained[0].model
    folder = find_data_dir(data_dir)
    lists = build_lists(first.task, folder, protocol=str(first.card.data["protocol"]))
    images = load_images(lists, part, task=first.task, data_dir=folder)
    if limit is not None:
        images = take(images, some_of_each_class(images, limit))
    specs = ablation_attacks(len(first.task.classes), eps=budget, restarts=restarts, seed=seed)
    data = {
        "protocol": lists.protocol,
        "part": part,
        "n": len(images),
        "sha256": lists.digest(part),
        "limit": limit,
        "attacks": plain(specs),
    }
    kept = _kept(output, data)

    def document_of(done: tuple["Trained", ...]) -> dict[str, Any]:
        measured = [kept[each.model.card.weights.sha256] | {"run": each.run} for each in done]
        numbers = summarise(done, measured, eps=budget)
        identity = {"key": f"{task}/full", "weights_sha256": first.card.weights.sha256, "card_sha256": None}
        return record("ablation", model=identity, numbers=numbers, seed=seed, data=data)

    def write(document: Mapping[str, Any]) -> None:
        if output is not None:
            write_file(output, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())

    for each in trained:
        if each.model.card.weights.sha256 in kept:
            continue
        with progress(each.run) as show:
            kept[each.model.card.weights.sha256] = plain(measure_trained(each, images, specs, on_progress=show))
        # A network takes minutes to hours: whoever stops here goes on with the next one.
        write(document_of(tuple(each for each in trained if each.model.card.weights.sha256 in kept)))
    document = document_of(trained)
    write(document)
    emit(document, _lines(document["numbers"], trained), as_json=as_json)


def _kept(output: Path | None, data: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier record holds of networks attacked alike on the same scans, by the hash of their weights."""
    from meddef_core.evaluation.documents import read_record

    if output is None or not output.is_file():
        return {}
    earlier = read_record(output)
    if earlier.get("kind") != "ablation" or earlier.get("data") != data:
        return {}
    return {each["weights_sha256"]: each for row in earlier["numbers"]["rows"] for each in row["seeds"]}


def _lines(numbers: Mapping[str, Any], trained: tuple["Trained", ...]) -> list[str]:
    lines = [
        f"{len(trained)} networks on {numbers['n']} scans at {numbers['eps']}: balanced accuracy, clean and attacked"
    ]
    for row in numbers["rows"]:
        shares = ", ".join(
            f"seed {each['seed']} {each['clean']['balanced_accuracy']:.1%} {each['attacked']['balanced_accuracy']:.1%}"
            for each in row["seeds"]
        )
        lines.append(f"  {row['title']:<24} {shares}")
    lines += [
        f"  {pair['first']} against {pair['second']}: scans that hold on the first only {pair['only_first']}, "
        f"on the second only {pair['only_second']}, p = {pair['p']:.2g}"
        for pair in numbers["pairs"]
    ]
    return [*lines, numbers["verdict"]] if numbers["verdict"] else lines
