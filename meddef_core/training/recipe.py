"""A training run as a YAML file: everything that decides the weights, checked before the first step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from meddef_core.data.lists import PROTOCOLS
from meddef_core.errors import MedDefError, RecipeError
from meddef_core.model import VARIANTS, MedDefConfig
from meddef_core.pruning.settings import PruningSettings
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.settings import reason_of
from meddef_core.tasks import TASKS, get_task
from meddef_core.text import Text
from meddef_core.training.augment import Augmentation
from meddef_core.training.scanner import ScannerAugmentation
from meddef_core.training.settings import (
    ModelSettings,
    ObjectiveSettings,
    OptimizerSettings,
    StrictSettings,
    without_defaults,
)
from meddef_core.training.validation_settings import AlarmSettings, ValidationSettings


class Recipe(StrictSettings):
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
    """Weights to start from: the folder of an earlier run, its `best.safetensors`, or a model of the zoo (oct/meddef).

    Those of another task give everything but the last layer, where the number of classes differs.
    """
    model: ModelSettings = ModelSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    preprocessing: Preprocessing | None = None
    """How a scan becomes the picture that the network sees; null is the task's own way."""
    augmentation: Augmentation = Augmentation()
    scanner: ScannerAugmentation | None = None
    """What differs between scanners and between places in a volume; null changes nothing of it."""
    validation: ValidationSettings = ValidationSettings()
    alarm: AlarmSettings | None = None
    """Watch for catastrophic overfitting and act on it; null does not."""
    pruning: PruningSettings | None = None
    """Become sparse on the way; null stays dense."""

    @model_validator(mode="after")
    def _alarm_under_attack(self) -> "Recipe":
        if self.alarm and self.objective.kind not in ("n_fgsm", "pgd", "trades"):
            raise ValueError(
                Text(
                    "training.alarm-objectives",
                    "the alarm watches n_fgsm, pgd and trades, not {kind}; remove it",
                    kind=self.objective.kind,
                )
            )
        return self

    @model_validator(mode="after")
    def _smooth_with_noise(self) -> "Recipe":
        smooth, noise = self.objective.kind == "smooth", self.model.noise > 0
        if smooth != noise:
            raise ValueError(
                Text(
                    "training.smooth-with-noise",
                    "the objective smooth and model.noise go together; set both or neither",
                )
            )
        if self.validation.certified and not noise:
            raise ValueError(
                Text(
                    "training.certified-needs-noise",
                    "validation.certified needs a smoothed network; set model.noise or remove it",
                )
            )
        return self

    @model_validator(mode="after")
    def _pruned_before_chosen(self) -> "Recipe":
        if self.pruning and self.validation.start < self.pruning.end:
            raise ValueError(
                Text(
                    "training.chosen-once-sparse",
                    "weights are chosen once they are sparse; set validation.start to pruning.end or later",
                )
            )
        if self.pruning and self.pruning.criterion == "taylor" and self.optimizer.kind == "sgd":
            raise ValueError(
                Text(
                    "training.taylor-needs-adam",
                    "pruning.criterion taylor reads the second moment of adam or adamw; sgd has none",
                )
            )
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, plain(self), "alarm", "pruning", "preprocessing", "scanner")

    @field_validator("task")
    @classmethod
    def _task(cls, value: str) -> str:
        if value not in TASKS:
            raise ValueError(Text("training.unknown-task", "task must be one of {known}", known=", ".join(TASKS)))
        return value

    @field_validator("protocol")
    @classmethod
    def _protocol(cls, value: str) -> str:
        if value not in PROTOCOLS:
            raise ValueError(
                Text("training.unknown-protocol", "protocol must be one of {known}", known=", ".join(PROTOCOLS))
            )
        return value

    def preprocessing_of_task(self) -> Preprocessing:
        """How scans become the network's pictures: the recipe's own way, else the task's."""
        return self.preprocessing or get_task(self.task).preprocessing

    def model_config_of_task(self) -> MedDefConfig:
        """The network this recipe trains, with the task's classes and normalisation."""
        task = get_task(self.task)
        return MedDefConfig(
            classes=len(task.classes),
            width=self.model.width,
            pool=self.model.pool,
            activation=self.model.activation,
            daam_after=self.model.daam_after,
            dropout=self.model.dropout,
            grid=self.model.grid,
            noise=self.model.noise,
            stem_stride=self.model.stem_stride,
            mean=task.mean,
            std=task.std,
            **VARIANTS[self.model.variant],
        )


def load_recipe(path: Path, overrides: Mapping[str, str] | None = None) -> Recipe:
    """Read a recipe; `overrides` are dotted keys with YAML values, such as `{"objective.eps": "4/255"}`.

    Raises RecipeError with one sentence that names the key.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(
            Text(
                "training.recipe-unreadable",
                "The recipe {path} cannot be read ({reason}); check the path.",
                path=path,
                reason=error.strerror,
            )
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(
            Text(
                "training.recipe-no-yaml",
                "The recipe {path} is not valid YAML; correct it: {reason}",
                path=path,
                reason=_one_line(error),
            )
        ) from error
    if not isinstance(values, dict):
        raise RecipeError(
            Text(
                "training.recipe-no-keys",
                "The recipe {path} must hold keys and values, such as `task: oct`.",
                path=path,
            )
        )
    for key, text in (overrides or {}).items():
        _set(values, key, text)
    try:
        recipe = Recipe.model_validate(values)
        recipe.model_config_of_task()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecipeError(_refused(path.name, where, reason_of(first))) from error
    except MedDefError:
        raise
    except ValueError as error:
        raise RecipeError(
            Text(
                "training.recipe-no-network",
                "The recipe {name} describes no network: {reason}.",
                name=path.name,
                reason=error,
            )
        ) from error
    if unread := recipe.objective.unread:
        kind = recipe.objective.kind
        raise RecipeError(
            Text(
                "training.recipe-key-unread",
                "The objective {kind} does not read {key}; remove it, or set the objective whole, as in "
                "--set 'objective={{kind: {kind}}}'.",
                kind=kind,
                key=repr(unread[0]),
            )
        )
    return recipe


def _set(values: dict[str, Any], key: str, text: str) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise RecipeError(
                Text(
                    "training.recipe-no-subkeys",
                    "The recipe key {key} has no sub-keys; set {parent} itself.",
                    key=repr(key),
                    parent=repr(parent),
                )
            )
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(
            Text(
                "training.recipe-value-yaml",
                "The value of {key} is not valid YAML: {text}.",
                key=repr(key),
                text=repr(text),
            )
        ) from error


def _refused(name: str, where: str, reason: str) -> Text:
    if where:
        return Text(
            "training.recipe-bad-value",
            "The recipe {name} has a bad value at {key}: {reason}.",
            name=name,
            key=repr(where),
            reason=reason,
        )
    return Text(
        "training.recipe-contradiction",
        "The recipe {name} contradicts itself: {reason}.",
        name=name,
        reason=reason,
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
