"""`meddef card`: the facts on a card other than accuracies."""

from typing import Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag, ModelName, TaskKey, open_model
from meddef_core.cli.output import emit
from meddef_core.errors import MedDefError
from meddef_core.text import Text


def card(
    task: TaskKey,
    model: ModelName = "meddef",
    write: Annotated[bool, typer.Option("--write", help="Write the results onto the model's card.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the card in the layout of the Hugging Face Hub.")
    ] = False,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure ROC areas and the cost of a prediction: operations, weights, time beside the undefended counterpart."""
    if as_markdown:
        _print_markdown(task, model, as_json=as_json)
        return
    from meddef_core.baselines.sides import UNDEFENDED
    from meddef_core.data.images import load_images
    from meddef_core.data.lists import build_lists
    from meddef_core.data.store import find_data_dir
    from meddef_core.publishing.card_facts import card_facts
    from meddef_core.records import plain
    from meddef_core.zoo import loadable_models, rewrite_card

    loaded = open_model(task, model, at_site=False)
    folder = find_data_dir(data_dir)
    measured = loaded.card.data.get("lists", {}).get("test", {}).get("sha256")
    if measured is None or "clean" not in loaded.card.metrics:
        raise MedDefError(
            Text(
                "cli.card-no-test-set",
                "The card of {model} has no test set on its card; publish its run first.",
                model=loaded.card.key,
            )
        )
    lists = build_lists(loaded.task, folder, protocol=str(loaded.card.data.get("protocol", "official")))
    if lists.digest("test") != measured:
        raise MedDefError(
            Text(
                "cli.card-other-test-set",
                "The test set here is not the one on {model}'s card; fetch that data set.",
                model=loaded.card.key,
            )
        )
    images = load_images(lists, "test", preprocessing=loaded.preprocessing, data_dir=folder)
    twin = f"{loaded.task.key}/{UNDEFENDED}"
    has_twin = twin != loaded.card.key and any(each.key == twin for each in loadable_models())
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


def _print_markdown(task: str, model: str, *, as_json: bool) -> None:
    """The card as a README in the common layout."""
    from meddef_core.report.model_card import model_readme

    loaded = open_model(task, model)
    if loaded.folder is None:
        raise MedDefError(
            Text("cli.card-no-folder", "{model} stands in no folder; publish its run first.", model=loaded.card.key)
        )
    text = model_readme(loaded.card, loaded.folder)
    emit({"model": loaded.card.key, "markdown": text}, [text.rstrip()], as_json=as_json)


ORDER = 60
COMMANDS = (Command("card", card),)
