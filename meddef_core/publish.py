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
from meddef_core.zoo import Card, compact, save_model


def publish(run_dir: Path, *, data_dir: Path, root: Path, on_stage: OnStage | None = None) -> Card:
    """Measure a run's best weights on the test list and write them to `root/<task>/<name>/`.

    What is measured is what is shipped: the weights after rounding to fp16, computed with in fp32.
    Raises ModelError if the folder holds no finished validation.
    """
    state, step, score, recipe = _read_run(run_dir)
    task = get_task(recipe.task)
    lists = build_lists(task, data_dir, protocol=recipe.protocol)
    config = recipe.model_config_of_task()
    network = MedDef(config)
    network.load_state_dict({key: value.float() for key, value in compact(state).items()})
    network.eval().requires_grad_(False)
    images = load_images(lists, "test", task=task, data_dir=data_dir)
    metrics = measure(network, images, classes=task.classes, attacks=card_attacks(), on_stage=on_stage)
    return save_model(
        root / task.key / recipe.name, state, task=task, name=recipe.name, title=recipe.title,
        summary=recipe.summary, config=config, metrics={"list": "test", "protocol": recipe.protocol} | metrics,
        training={"recipe": recipe.model_dump(mode="json"), "step": step, "validation_score": score},
        data={
            "protocol": recipe.protocol,
            "source": task.source,
            "licence": task.licence,
            "lists": {part: {"scans": len(lists.part(part)), "sha256": lists.digest(part)} for part in PARTS},
        },
    )


def _read_run(run_dir: Path) -> tuple[dict[str, Any], int, float, Recipe]:
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
