"""A training run as a YAML file: everything that decides the weights, checked before the first step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from meddef_core.attacks import parse_eps
from meddef_core.data.lists import PROTOCOLS
from meddef_core.data.tasks import TASKS, get_task
from meddef_core.errors import MedDefError, RecipeError
from meddef_core.model import VARIANTS, MedDefConfig
from meddef_core.training.augment import Augmentation
from meddef_core.training.objectives import Kind


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _epsilon(value: Any) -> Any:
    return parse_eps(value) if isinstance(value, str) else value


class ModelSettings(_Strict):
    """Shape of the network; see `MedDefConfig`."""

    variant: str = "full"
    width: int = 32
    pool: int = 2
    activation: str = "silu"
    dropout: float = 0.2

    @field_validator("variant")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}")
        return value


class ObjectiveSettings(_Strict):
    """What a step minimises. `eps` in pixel units, as 8/255 or 0.031."""

    kind: Kind = "n_fgsm"
    eps: float = Field(0.0, ge=0, le=0.5)
    eps_warm_up: float = Field(0.25, ge=0, lt=1)
    noise: float = Field(2.0, ge=0)
    """N-FGSM: half-width of the noise as a multiple of eps."""
    steps: int = Field(3, ge=1, le=100)
    """PGD only."""
    clean_share: float = Field(0.0, ge=0, lt=1)
    label_smoothing: float = Field(0.05, ge=0, lt=1)

    _eps = field_validator("eps", mode="before")(_epsilon)


class OptimizerSettings(_Strict):
    """AdamW under a one-cycle learning rate, with clipped gradients and an exponential average of the weights."""

    lr: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.02, ge=0)
    warm_up: float = Field(0.25, gt=0, lt=1)
    clip: float = Field(1.0, gt=0)
    ema: float = Field(0.998, ge=0, lt=1)


class ValidationSettings(_Strict):
    """How weights are chosen: balanced accuracy on validation patients, under PGD if `eps` is above zero."""

    every: int = Field(5, ge=1)
    """Epochs."""
    start: float = Field(0.5, ge=0, le=1)
    """Share of training before the first validation."""
    eps: float = Field(0.0, ge=0, le=0.5)
    steps: int = Field(20, ge=1)

    _eps = field_validator("eps", mode="before")(_epsilon)


class Recipe(_Strict):
    """One run, whole."""

    task: str
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str
    summary: str
    protocol: str = "official"
    seed: int = Field(0, ge=0, lt=2**31)
    epochs: int = Field(ge=1)
    batch: int = Field(64, ge=2)
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    init: Path | None = None
    """Weights of an earlier run to start from: its `best.safetensors`."""
    model: ModelSettings = ModelSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    augmentation: Augmentation = Augmentation()
    validation: ValidationSettings = ValidationSettings()

    @field_validator("task")
    @classmethod
    def _task(cls, value: str) -> str:
        if value not in TASKS:
            raise ValueError(f"task must be one of {', '.join(TASKS)}")
        return value

    @field_validator("protocol")
    @classmethod
    def _protocol(cls, value: str) -> str:
        if value not in PROTOCOLS:
            raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}")
        return value

    def model_config_of_task(self) -> MedDefConfig:
        """The network this recipe trains, with the task's classes and normalisation."""
        task = get_task(self.task)
        return MedDefConfig(
            classes=len(task.classes), width=self.model.width, pool=self.model.pool, activation=self.model.activation,
            dropout=self.model.dropout, mean=task.mean, std=task.std, **VARIANTS[self.model.variant],
        )


def load_recipe(path: Path, overrides: Mapping[str, str] | None = None) -> Recipe:
    """Read a recipe; `overrides` are dotted keys with YAML values, such as `{"objective.eps": "4/255"}`.

    Raises RecipeError with one sentence that names the key.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"The recipe {path} cannot be read ({error.strerror}); check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"The recipe {path} is not valid YAML; correct it: {_one_line(error)}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"The recipe {path} must hold keys and values, such as `task: oct`.")
    for key, text in (overrides or {}).items():
        _set(values, key, text)
    try:
        recipe = Recipe.model_validate(values)
        recipe.model_config_of_task()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecipeError(f"The recipe {path.name} has a bad value at {where!r}: {first['msg']}.") from error
    except MedDefError:
        raise
    except ValueError as error:
        raise RecipeError(f"The recipe {path.name} describes no network: {error}.") from error
    return recipe


def _set(values: dict[str, Any], key: str, text: str) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise RecipeError(f"The recipe key {key!r} has no sub-keys; set {parent!r} itself.")
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"The value of {key!r} is not valid YAML: {text!r}.") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
