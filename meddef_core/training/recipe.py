"""A training run as a YAML file: everything that decides the weights, checked before the first step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from meddef_core.data.lists import PROTOCOLS
from meddef_core.eps import parse_eps
from meddef_core.errors import MedDefError, RecipeError
from meddef_core.model import VARIANTS, MedDefConfig
from meddef_core.pruning.settings import PruningSettings
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.tasks import TASKS, get_task
from meddef_core.training.alarm import AlarmSettings
from meddef_core.training.augment import Augmentation
from meddef_core.training.objectives import READS, CraftMode, Kind
from meddef_core.training.paper import PaperSettings
from meddef_core.training.scanner import ScannerAugmentation


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _epsilon(value: Any) -> Any:
    return parse_eps(value) if isinstance(value, str) else value


def _without_defaults(model: BaseModel, values: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A recipe as versions before these keys wrote it, where it does not use them.

    A run resumes only under the same recipe, and those begun before must still match.
    """
    fields = type(model).model_fields
    unused = {key for key in keys if getattr(model, key) == fields[key].default}
    return {key: value for key, value in values.items() if key not in unused}


class ModelSettings(_Strict):
    """Shape of the network; see `MedDefConfig`."""

    variant: str = "full"
    width: int = 32
    pool: int = 2
    activation: str = "silu"
    dropout: float = 0.2
    daam_after: int = 4

    @field_validator("variant")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}")
        return value

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_defaults(self, plain(self), "daam_after")


READ_BY = {"teacher": "distill", "temperature": "distill", "beta": "trades", "paper": "paper"}
"""Keys of an objective that a recipe holds only if it is of that kind."""


class ObjectiveSettings(_Strict):
    """What a step minimises. `eps` in pixel units, as 8/255 or 0.031."""

    kind: Kind = "n_fgsm"
    eps: float = Field(0.0, ge=0, le=0.5)
    eps_warm_up: float = Field(0.25, ge=0, lt=1)
    noise: float = Field(2.0, ge=0)
    """N-FGSM: half-width of the noise as a multiple of eps."""
    steps: int = Field(3, ge=1, le=100)
    """PGD and TRADES."""
    clean_share: float = Field(0.0, ge=0, lt=1)
    label_smoothing: float = Field(0.05, ge=0, lt=1)
    class_weights: bool = True
    """Let every class weigh the same in the loss, however many scans it has."""
    craft_mode: CraftMode = "train"
    beta: float = Field(6.0, gt=0)
    """TRADES only: weight of the divergence."""
    awp: float = Field(0.0, ge=0, lt=1)
    """Adversarial weight perturbation, as a share of each layer's norm; 0 is none, 0.005 usual."""
    paper: PaperSettings = PaperSettings()
    """The paper's recipe only; it has an epsilon schedule of its own instead of `eps`."""
    teacher: str | None = None
    """Distillation only: the model of the zoo to learn from, as oct/undefended."""
    temperature: float = Field(100.0, ge=1, le=100)
    """Distillation only: what the student's logits are divided by while it learns."""

    _eps = field_validator("eps", mode="before")(_epsilon)

    @model_validator(mode="after")
    def _teacher_if_distilled(self) -> "ObjectiveSettings":
        if self.kind == "distill" and self.teacher is None:
            raise ValueError("distillation needs a model to learn from; set objective.teacher, to oct/undefended say")
        return self

    @model_validator(mode="after")
    def _awp_around_attacks(self) -> "ObjectiveSettings":
        if self.awp and self.kind in ("clean", "distill"):
            raise ValueError(f"awp goes with an objective that attacks, not with {self.kind}")
        return self

    @property
    def unread(self) -> list[str]:
        """Keys that were changed and that its kind does not read."""
        fields = type(self).model_fields
        changed = {key for key in self.model_fields_set if getattr(self, key) != fields[key].default}
        return sorted(changed - READS[self.kind] - {"kind"})

    @model_serializer(mode="wrap")
    def _without_what_it_does_not_read(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values = _without_defaults(self, plain(self), "class_weights", "craft_mode", "awp")
        return {key: value for key, value in values.items() if READ_BY.get(key, self.kind) == self.kind}


class OptimizerSettings(_Strict):
    """AdamW under a one-cycle learning rate, with clipped gradients and an exponential average of the weights.

    Or Adam, as the paper has it, or SGD with Nesterov's momentum of 0.9; a constant rate; no clipping (null); no
    average (`ema` 0).
    """

    kind: Literal["adamw", "adam", "sgd"] = "adamw"
    schedule: Literal["one_cycle", "constant"] = "one_cycle"
    lr: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.02, ge=0)
    warm_up: float = Field(0.25, gt=0, lt=1)
    clip: float | None = Field(1.0, gt=0)
    ema: float = Field(0.998, ge=0, lt=1)

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_defaults(self, plain(self), "kind", "schedule")


class ValidationSettings(_Strict):
    """How weights are chosen: balanced accuracy on validation patients, under PGD if `eps` is above zero."""

    every: int = Field(5, ge=1)
    """Epochs."""
    start: float = Field(0.5, ge=0, le=1)
    """Share of training before the first validation."""
    eps: float = Field(0.0, ge=0, le=0.5)
    steps: int = Field(20, ge=1)
    attacked_share: float = Field(1.0, gt=0, le=1)
    """Share of the validation scans that is attacked."""

    _eps = field_validator("eps", mode="before")(_epsilon)

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_defaults(self, plain(self), "attacked_share")


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
            raise ValueError(f"the alarm watches n_fgsm, pgd and trades, not {self.objective.kind}; remove it")
        return self

    @model_validator(mode="after")
    def _pruned_before_chosen(self) -> "Recipe":
        if self.pruning and self.validation.start < self.pruning.end:
            raise ValueError("weights are chosen once they are sparse; set validation.start to pruning.end or later")
        if self.pruning and self.pruning.criterion == "taylor" and self.optimizer.kind == "sgd":
            raise ValueError("pruning.criterion taylor reads the second moment of adam or adamw; sgd has none")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_defaults(self, plain(self), "alarm", "pruning", "preprocessing", "scanner")

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
        wrong = f"has a bad value at {where!r}" if where else "contradicts itself"
        reason = first["msg"].removeprefix("Value error, ")
        raise RecipeError(f"The recipe {path.name} {wrong}: {reason}.") from error
    except MedDefError:
        raise
    except ValueError as error:
        raise RecipeError(f"The recipe {path.name} describes no network: {error}.") from error
    if unread := recipe.objective.unread:
        kind = recipe.objective.kind
        raise RecipeError(
            f"The objective {kind} does not read {unread[0]!r}; remove it, or set the objective whole, as in "
            f"--set 'objective={{kind: {kind}}}'."
        )
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
