"""A pruned version of a model in the zoo: pruned in one shot, packed, measured as it is stored, with a card."""

from dataclasses import asdict
from pathlib import Path

from meddef_core.data.images import load_images
from meddef_core.data.lists import PARTS, build_lists
from meddef_core.errors import ModelError
from meddef_core.evaluation.card_numbers import OnStage, card_attacks, measure
from meddef_core.model import MedDefConfig
from meddef_core.pruning.masks import pruned, weight_counts
from meddef_core.text import Text
from meddef_core.zoo import Card, LoadedModel, check_spelling, compact, restored, save_model
from meddef_core.zoo.packed import Values, int8_loss


def check_name(root: Path, *, task: str, name: str) -> None:
    """Raise ModelError if `root` cannot take a new model of that name."""
    check_spelling(name)
    if (root / task / name).exists():
        raise ModelError(
            Text(
                "publishing.name-taken",
                "There is a model {task}/{name} already; choose another name for the pruned one.",
                task=task,
                name=name,
            )
        )


def publish_pruned(
    loaded: LoadedModel,
    *,
    sparsity: float,
    name: str,
    data_dir: Path,
    root: Path,
    values: Values = "float16",
    on_stage: OnStage | None = None,
) -> Card:
    """Prune a model by magnitude and write it to `root/<task>/<name>/` as a new one, measured on the test list.

    Nothing is trained. What is measured is what the file holds, 8-bit rounding included. Raises ModelError if there is
    such a model already.
    """
    task, base = loaded.task, loaded.card
    check_name(root, task=task.key, name=name)
    config = MedDefConfig(**base.config)
    state = compact(pruned(loaded.network, sparsity).state_dict())
    network = restored(config, state, values=values)
    counts = weight_counts(network)
    protocol = str(base.data.get("protocol", "official"))
    lists = build_lists(task, data_dir, protocol=protocol)
    images = load_images(lists, "test", preprocessing=loaded.preprocessing, data_dir=data_dir)
    # What rounding to 8 bits cost the base says nothing of this file.
    trained = {key: value for key, value in base.training.items() if key != "int8"}
    attacks = card_attacks(saturated=base.objective == "distill")
    metrics = measure(network, images, classes=task.classes, attacks=attacks, on_stage=on_stage)
    how = {
        "method": "one-shot global magnitude",
        "sparsity": sparsity,
        "prunable": counts.prunable,
        "nonzero": counts.nonzero,
        "of": base.key,
        "of_weights_sha256": base.weights.sha256,
    }
    if values == "int8":
        how["int8"] = asdict(int8_loss(state))
    return save_model(
        root / task.key / name,
        state,
        task=task,
        name=name,
        title=f"{base.title}, {sparsity:.0%} pruned",
        summary=f"{base.key} without its smallest {sparsity:.0%} of weights; not trained again.",
        config=config,
        preprocessing=loaded.preprocessing,
        training=trained | {"pruning": how},
        metrics={"list": "test", "protocol": protocol} | metrics,
        data={
            "protocol": protocol,
            "source": task.source,
            "licence": task.licence,
            "lists": {part: {"scans": len(lists.part(part)), "sha256": lists.digest(part)} for part in PARTS},
        },
        packed=True if values == "int8" else None,
        values=values,
    )
