"""From a finished run to a model with a card: compact the weights, measure exactly those, write both."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from meddef_core.data.images import load_images
from meddef_core.data.lists import PARTS, Lists, build_lists
from meddef_core.data.tasks import Task, get_task
from meddef_core.errors import ModelError
from meddef_core.evaluation.report import OnStage, card_attacks, measure
from meddef_core.evaluation.shifts import Shift
from meddef_core.model import VARIANT_WORDS, MedDef
from meddef_core.pruning.masks import pruned, weight_counts
from meddef_core.pruning.packed import Values, int8_loss
from meddef_core.training.offsets import add_offsets, choose_offsets
from meddef_core.training.recipe import Recipe
from meddef_core.zoo import Card, LoadedModel, check_spelling, compact, describe, encode, restored, save_model


def publish(
    run_dir: Path,
    *,
    data_dir: Path,
    root: Path,
    sparsity: float = 0.0,
    balanced_over: Sequence[Shift] = (),
    values: Values = "float16",
    name: str | None = None,
    title: str | None = None,
    summary: str | None = None,
    on_stage: OnStage | None = None,
) -> Card:
    """Measure a run's best weights on the test list and write them to `root/<task>/<name>/`, over what stands there.

    What is measured is what is shipped: the weights after pruning in one shot, with offsets on the logits where the
    classes are to be `balanced_over` changes of validation scans, and after rounding to fp16 or to 8-bit codes,
    computed with in fp32. Unless given, the name is the recipe's and title and summary are `titled`'s.
    Raises ModelError if the folder holds no finished validation or the name is no name.
    """
    state, step, score, recipe = read_run(run_dir)
    name = name or recipe.name
    check_spelling(name)
    task = get_task(recipe.task)
    lists = build_lists(task, data_dir, protocol=recipe.protocol)
    training: dict[str, Any] = {
        "recipe": recipe.model_dump(mode="json"),
        "step": step,
        "validation_score": score,
    }
    if sparsity:
        state = dict(pruned(network_of(recipe, state), sparsity).state_dict())
    if balanced_over:
        training["offsets"], state = _balanced(
            recipe, state, task=task, lists=lists, data_dir=data_dir, shifts=balanced_over, told=on_stage
        )
    if values == "int8":
        training["int8"] = asdict(int8_loss(compact(state)))
    network = network_of(recipe, state, values=values)
    if sparsity:
        counts = weight_counts(network)
        training["pruning"] = {
            "method": "one-shot global magnitude",
            "sparsity": sparsity,
            "prunable": counts.prunable,
            "nonzero": counts.nonzero,
        }
    named = titled(recipe)
    images = load_images(lists, "test", task=task, data_dir=data_dir)
    attacks = card_attacks(saturated=recipe.objective.kind == "distill")
    metrics = measure(network, images, classes=task.classes, attacks=attacks, on_stage=on_stage)
    return save_model(
        root / task.key / name,
        state,
        task=task,
        name=name,
        title=title or named[0],
        summary=summary or named[1],
        config=network.config,
        metrics={"list": "test", "protocol": recipe.protocol} | metrics,
        training=training,
        data={
            "protocol": recipe.protocol,
            "source": task.source,
            "licence": task.licence,
            "lists": {part: {"scans": len(lists.part(part)), "sha256": lists.digest(part)} for part in PARTS},
        },
        packed=True if values == "int8" else None,
        values=values,
    )


def _balanced(
    recipe: Recipe,
    state: dict[str, Any],
    *,
    task: Task,
    lists: Lists,
    data_dir: Path,
    shifts: Sequence[Shift],
    told: OnStage | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """For the card, which offsets were chosen; and the weights with them."""
    network = network_of(recipe, state)
    chosen = choose_offsets(
        network,
        load_images(lists, "val", task=task, data_dir=data_dir),
        classes=task.classes,
        eps=recipe.validation.eps,
        shifts=shifts,
        on_batch=None if told is None else partial(told, "offsets"),
    )
    add_offsets(network, list(chosen.by_class.values()))
    return asdict(chosen), dict(network.state_dict())


def open_run(run_dir: Path) -> LoadedModel:
    """A run's best weights as they would be shipped, behind a card that stands in no folder; ModelError as `read_run`.

    Its weights hash is the one the published model would have. It knows no lists: nothing was measured yet.
    """
    state, step, score, recipe = read_run(run_dir)
    task, network = get_task(recipe.task), network_of(recipe, state)
    blob, dtype = encode(state)
    title, summary = titled(recipe)
    card = describe(
        blob,
        dtype=dtype,
        task=task,
        name=recipe.name,
        title=title,
        summary=summary,
        config=network.config,
        metrics={},
        data={"protocol": recipe.protocol},
        training={"recipe": recipe.model_dump(mode="json"), "step": step, "validation_score": score},
    )
    return LoadedModel(card, network, task, task.preprocessing)


def titled(recipe: Recipe) -> tuple[str, str]:
    """Title and summary of what a recipe trained: of an ablated network, which the recipe's own know nothing of."""
    words = VARIANT_WORDS.get(recipe.model.variant)
    if words is None:
        return recipe.title, recipe.summary
    return f"{recipe.title} {words}", f"{recipe.title} {words}, trained by the same recipe."


def network_of(recipe: Recipe, state: dict[str, Any], *, values: Values = "float16") -> MedDef:
    """The network a run trained, with the weights as they would be shipped; frozen and in eval mode."""
    return restored(recipe.model_config_of_task(), state, values=values)


def read_run(run_dir: Path) -> tuple[dict[str, Any], int, float, Recipe]:
    """Best weights, their step and validation score, and the recipe of a run; ModelError where there are none yet."""
    path = run_dir / "best.safetensors"
    if not path.is_file():
        raise ModelError(f"{run_dir} holds no chosen weights yet; let the training reach its first validation.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
        recipe = Recipe.model_validate(json.loads(metadata["recipe"]))
        return state, int(metadata["step"]), float(metadata["score"]), recipe
    except (SafetensorError, KeyError, TypeError, ValidationError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"The chosen weights in {run_dir} cannot be read: {reason}") from error
