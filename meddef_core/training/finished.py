"""What a finished run holds: its chosen weights and recipe, and the network that they make, as it would be shipped."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from meddef_core.data.tasks import get_task
from meddef_core.errors import ModelError
from meddef_core.model import VARIANT_WORDS, MedDef
from meddef_core.pruning.packed import Values
from meddef_core.training.recipe import Recipe
from meddef_core.zoo import LoadedModel, describe, encode, restored


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
