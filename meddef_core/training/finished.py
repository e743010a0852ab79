"""What a finished run holds: its chosen weights and recipe, and the network that they make, as it would be shipped."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from meddef_core.errors import ModelError
from meddef_core.model import VARIANT_WORDS, MedDef
from meddef_core.tasks import get_task
from meddef_core.text import Text
from meddef_core.training.recipe import Recipe
from meddef_core.zoo import LoadedModel, describe, encode, restored
from meddef_core.zoo.packed import Values


@dataclass(frozen=True)
class ChosenWeights:
    """A run's best weights by validation, and where they came from."""

    state: dict[str, Any]
    recipe: Recipe
    step: int
    score: float
    """On validation patients, as the recipe scores."""
    init_sha256: str | None
    """Hash of the weights file that the run began with; None for one from scratch, and in runs that did not note it."""
    sha256: str
    """Of the file that holds them."""
    averaged: tuple[str, ...] | None
    """Hashes of the chosen weights that these are the mean of (`meddef average`), or None."""

    @property
    def training(self) -> dict[str, Any]:
        """What a card says of the training."""
        said = {"recipe": self.recipe.model_dump(mode="json"), "step": self.step, "validation_score": self.score}
        if self.init_sha256 is not None:
            said["init_sha256"] = self.init_sha256
        if self.averaged is not None:
            said["averaged"] = list(self.averaged)
        return said


def open_run(run_dir: Path) -> LoadedModel:
    """A run's best weights as they would be shipped, behind a card that stands in no folder; ModelError as `read_run`.

    Its weights hash is the one the published model would have. It knows no lists: nothing was measured yet.
    """
    chosen = read_run(run_dir)
    recipe = chosen.recipe
    task, network = get_task(recipe.task), network_of(recipe, chosen.state)
    blob, dtype = encode(chosen.state)
    title, summary = titled(recipe)
    card = describe(
        blob,
        dtype=dtype,
        task=task,
        name=recipe.name,
        title=title,
        summary=summary,
        config=network.config,
        preprocessing=recipe.preprocessing_of_task(),
        metrics={},
        data={"protocol": recipe.protocol},
        training=chosen.training,
    )
    return LoadedModel(card, network, task, recipe.preprocessing_of_task())


def titled(recipe: Recipe) -> tuple[str, str]:
    """Title and summary of what a recipe trained: of an ablated network, which the recipe's own know nothing of."""
    words = VARIANT_WORDS.get(recipe.model.variant)
    if words is None:
        return recipe.title, recipe.summary
    return f"{recipe.title} {words}", f"{recipe.title} {words}, trained by the same recipe."


def network_of(recipe: Recipe, state: dict[str, Any], *, values: Values = "float16") -> MedDef:
    """The network a run trained, with the weights as they would be shipped; frozen and in eval mode."""
    return restored(recipe.model_config_of_task(), state, values=values)


def read_run(run_dir: Path) -> ChosenWeights:
    """Best weights of a run and what is known of them; ModelError where there are none yet."""
    path = run_dir / "best.safetensors"
    if not path.is_file():
        raise ModelError(
            Text(
                "training.no-chosen-weights",
                "{folder} holds no chosen weights yet; let the training reach its first validation.",
                folder=run_dir,
            )
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
        averaged = metadata.get("averaged")
        return ChosenWeights(
            state=state,
            recipe=Recipe.model_validate(json.loads(metadata["recipe"])),
            step=int(metadata["step"]),
            score=float(metadata["score"]),
            init_sha256=metadata.get("init_sha256"),
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            averaged=None if averaged is None else tuple(json.loads(averaged)),
        )
    except (SafetensorError, KeyError, TypeError, AttributeError, ValidationError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            Text(
                "training.chosen-weights-unreadable",
                "The chosen weights in {folder} cannot be read: {reason}",
                folder=run_dir,
                reason=reason,
            )
        ) from error
