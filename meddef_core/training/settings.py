"""What a recipe's sections may say, each checked by itself: network, objective, optimiser."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from meddef_core.attacks import ATTACKS
from meddef_core.eps import parse_eps
from meddef_core.model import VARIANTS
from meddef_core.text import Text


class StrictSettings(BaseModel):
    """Settings of which none is unknown and none changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def read_epsilon(value: Any) -> Any:
    """Text such as "8/255" as a number; anything else as it is, for pydantic to check."""
    return parse_eps(value) if isinstance(value, str) else value


def without_defaults(model: BaseModel, values: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A recipe as versions before these keys wrote it, where it does not use them.

    A run resumes only under the same recipe, and those begun before must still match.
    """
    fields = type(model).model_fields
    unused = {key for key in keys if getattr(model, key) == fields[key].default}
    return {key: value for key, value in values.items() if key not in unused}


class ModelSettings(StrictSettings):
    """Shape of the network; see `MedDefConfig`."""

    variant: str = "full"
    width: int = 32
    pool: int = 2
    activation: str = "silu"
    dropout: float = 0.2
    daam_after: int = 4
    grid: tuple[int, int] | None = None
    """Rows and columns that images are averaged to inside the model, instead of `pool`."""
    noise: float = Field(0.0, ge=0, le=2)
    """Standard deviation, in pixel units, of the noise on the grid that the network is made for."""
    stem_stride: int = 4

    @field_validator("variant")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in VARIANTS:
            raise ValueError(
                Text("training.unknown-variant", "variant must be one of {known}", known=", ".join(VARIANTS))
            )
        return value

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, plain(self), "daam_after", "grid", "noise", "stem_stride")


class PaperSettings(StrictSettings):
    """The paper's numbers (section on adversarial training); every one can be changed."""

    warm_up_epochs: int = Field(8, ge=0)
    aggressive_epochs: int = Field(15, ge=0)
    eps_first: float = Field(0.01, gt=0, le=0.5)
    eps_warm: float = Field(0.02, gt=0, le=0.5)
    """Reached linearly at the end of the warm-up."""
    eps_peak: float = Field(0.04, gt=0, le=0.5)
    """Reached quadratically at the end of the aggressive phase."""
    eps_last: float = Field(0.03, gt=0, le=0.5)
    """Of the stabilisation, the rest of the training."""
    weight_first: float = Field(0.2, ge=0, le=1)
    """Of the attacked images in the loss, through the warm-up."""
    weight_last: float = Field(0.5, ge=0, le=1)
    attacked_share: float = Field(0.35, gt=0, le=1)
    """Share of a batch that is attacked."""
    attacks: tuple[str, ...] = Field(("fgsm", "pgd", "bim", "jsma"), min_length=1)
    """Drawn from evenly; a name given twice is drawn twice as often."""
    steps: int = Field(40, ge=1)
    """Of PGD and BIM, and Jacobians of JSMA."""
    step_divisor: float = Field(6.0, ge=1)
    """The step is epsilon divided by this,"""
    step_cap: float = Field(0.003, gt=0)
    """but no more than this, in pixel units."""
    jsma_share: float = Field(0.14, gt=0, le=1)
    """Share of the pixels JSMA may change (the paper's gamma)."""
    jsma_theta: float = Field(0.1, gt=0, le=1)
    """Change of a pixel in one of its steps."""
    safety_drop: float = Field(0.05, ge=0, le=1)
    """Fall of the validation score below its best that calls for caution."""
    safety_factor: float = Field(0.5, gt=0, le=1)

    @field_validator("attacks")
    @classmethod
    def _usable(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            info = ATTACKS.get(name)
            if info is None or info.norm == "l2" or info.needs_source or info.threat == "control":
                raise ValueError(
                    Text(
                        "training.unknown-attack",
                        "{name} is no attack to train on; fgsm, pgd, bim and jsma are",
                        name=repr(name),
                    )
                )
        return names


class SmoothingSettings(StrictSettings):
    """Training for a smoothed network: the same images under several draws of the noise of `model.noise`.

    `consistency` and `entropy` weigh the regulariser of Jeong and Shin 2020 (arXiv:2006.04062, equation 10): the mean
    divergence of a draw's prediction from the mean prediction, and the entropy of the mean prediction.
    """

    draws: int = Field(2, ge=1, le=16)
    consistency: float = Field(0.0, ge=0)
    entropy: float = Field(0.0, ge=0)
    weaker: bool = False
    """Scale the noise of the first draw, for each image, by a number from 0 to 1: easier images to learn from, and a
    base network that also predicts images without noise."""

    @model_validator(mode="after")
    def _consistent_over_draws(self) -> "SmoothingSettings":
        if self.draws == 1 and (self.consistency or self.entropy):
            raise ValueError(
                Text("training.compares-draws", "consistency and entropy compare draws; set draws to 2 or more")
            )
        return self


Kind = Literal["clean", "n_fgsm", "pgd", "trades", "paper", "distill", "smooth"]

_LOSS = {"label_smoothing", "class_weights"}
_CRAFTED = _LOSS | {"eps", "eps_warm_up", "craft_mode", "awp"}
READS: Mapping[Kind, set[str]] = {
    "clean": _LOSS,
    "distill": {"teacher", "temperature"},
    "paper": _LOSS | {"paper", "awp"},
    "n_fgsm": _CRAFTED | {"noise", "clean_share"},
    "pgd": _CRAFTED | {"steps", "clean_share"},
    "trades": _CRAFTED | {"steps", "beta"},
    "smooth": _LOSS | {"smoothing", "eps", "eps_warm_up", "steps", "craft_mode"},
}
"""Keys of an objective that its kind reads."""

CraftMode = Literal["train", "eval"]
"""The network's mode while images are crafted: statistics of the batch and dropout, or the running statistics."""

READ_BY = {"teacher": "distill", "temperature": "distill", "beta": "trades", "paper": "paper", "smoothing": "smooth"}
"""Keys of an objective that a recipe holds only if it is of that kind."""


class ObjectiveSettings(StrictSettings):
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
    smoothing: SmoothingSettings = SmoothingSettings()
    """Training for a smoothed network only. With `eps` above zero, images are attacked in L2 on the grid, within
    `eps * sqrt(rows * columns)`, which is as far as an attack of that epsilon moves them there."""
    teacher: str | None = None
    """Distillation only: the model of the zoo to learn from, as oct/undefended."""
    temperature: float = Field(100.0, ge=1, le=100)
    """Distillation only: what the student's logits are divided by while it learns."""

    _eps = field_validator("eps", mode="before")(read_epsilon)

    @model_validator(mode="after")
    def _teacher_if_distilled(self) -> "ObjectiveSettings":
        if self.kind == "distill" and self.teacher is None:
            raise ValueError(
                Text(
                    "training.needs-teacher",
                    "distillation needs a model to learn from; set objective.teacher, to oct/undefended say",
                )
            )
        return self

    @model_validator(mode="after")
    def _awp_around_attacks(self) -> "ObjectiveSettings":
        if self.awp and self.kind in ("clean", "distill", "smooth"):
            raise ValueError(
                Text(
                    "training.awp-needs-attack",
                    "awp goes with an objective that attacks, not with {kind}",
                    kind=self.kind,
                )
            )
        return self

    @property
    def unread(self) -> list[str]:
        """Keys that were changed and that its kind does not read."""
        fields = type(self).model_fields
        changed = {key for key in self.model_fields_set if getattr(self, key) != fields[key].default}
        return sorted(changed - READS[self.kind] - {"kind"})

    @model_serializer(mode="wrap")
    def _without_what_it_does_not_read(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values = without_defaults(self, plain(self), "class_weights", "craft_mode", "awp")
        return {key: value for key, value in values.items() if READ_BY.get(key, self.kind) == self.kind}


class OptimizerSettings(StrictSettings):
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
        return without_defaults(self, plain(self), "kind", "schedule")
