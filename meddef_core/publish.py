"""From a finished run to a model with a card: compact the weights, measure exactly those, write both."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from meddef_core.data.images import load_images
from meddef_core.data.lists import PARTS, build_lists
from meddef_core.data.tasks import get_task
from meddef_core.errors import ModelError
from meddef_core.evaluation.report import OnStage, card_attacks, measure
from meddef_core.model import MedDef
from meddef_core.training.recipe import Recipe
from meddef_core.zoo import Card, LoadedModel, compact, describe, encode, save_model


def publish(run_dir: Path, *, data_dir: Path, root: Path, on_stage: OnStage | None = None) -> Card:
    """Measure a run's best weights on the test list and write them to `root/<task>/<name>/`.

    What is measured is what is shipped: the weights after rounding to fp16, computed with in fp32.
    Raises ModelError if the folder holds no finished validation.
    """
    state, step, score, recipe = read_run(run_dir)
    task = get_task(recipe.task)
    lists = build_lists(task, data_dir, protocol=recipe.protocol)
    network = network_of(recipe, state)
    images = load_images(lists, "test", task=task, data_dir=data_dir)
    metrics = measure(network, images, classes=task.classes, attacks=card_attacks(), on_stage=on_stage)
    return save_model(
        root / task.key / recipe.name,
        state,
        task=task,
        name=recipe.name,
        title=recipe.title,
        summary=recipe.summary,
        config=network.config,
        metrics={"list": "test", "protocol": recipe.protocol} | metrics,
        training={"recipe": recipe.model_dump(mode="json"), "step": step, "validation_score": score},
        data={
            "protocol": recipe.protocol,
            "source": task.source,
            "licence": task.licence,
            "lists": {part: {"scans": len(lists.part(part)), "sha256": lists.digest(part)} for part in PARTS},
        },
    )


def open_run(run_dir: Path) -> LoadedModel:
    """A run's best weights as they would be shipped, behind a card that stands in no folder; ModelError as `read_run`.

    Its weights hash is the one the published model would have. It knows no lists: nothing was measured yet.
    """
    state, step, score, recipe = read_run(run_dir)
    task, network = get_task(recipe.task), network_of(recipe, state)
    blob, dtype = encode(state)
    card = describe(
        blob,
        dtype=dtype,
        task=task,
        name=recipe.name,
        title=recipe.title,
        summary=recipe.summary,
        config=network.config,
        metrics={},
        data={"protocol": recipe.protocol},
        training={"recipe": recipe.model_dump(mode="json"), "step": step, "validation_score": score},
    )
    return LoadedModel(card, network, task, task.preprocessing)


def network_of(recipe: Recipe, state: dict[str, Any]) -> MedDef:
    """The network a run trained, with the weights as they would be shipped; frozen and in eval mode."""
    network = MedDef(recipe.model_config_of_task())
    network.load_state_dict({key: value.float() for key, value in compact(state).items()})
    return network.eval().requires_grad_(False)


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
