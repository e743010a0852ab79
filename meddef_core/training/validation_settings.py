"""What a recipe may say of how a run is judged: the scores that choose its weights, and the overfitting monitor."""

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from meddef_core.text import Text
from meddef_core.training.settings import StrictSettings, read_epsilon, without_defaults


class CertifiedValidation(StrictSettings):
    """Certified accuracy as a score: with few draws, so the radius is an estimate and no certificate."""

    draws: int = Field(100, ge=10)
    linf: tuple[float, ...] = Field((0.0, 1 / 255, 2 / 255), min_length=1)
    """Radii in pixel units; the score is the mean of the balanced certified accuracies there."""

    @field_validator("linf", mode="before")
    @classmethod
    def _epsilons(cls, values: Any) -> Any:
        return [read_epsilon(value) for value in values] if isinstance(values, list) else values


class ValidationSettings(StrictSettings):
    """How weights are chosen: balanced accuracy on validation patients, under PGD if `eps` is above zero.

    Or, with `certified`, the certified accuracy of the smoothed network.
    """

    every: int = Field(5, ge=1)
    """Epochs."""
    start: float = Field(0.5, ge=0, le=1)
    """Share of training before the first validation."""
    eps: float = Field(0.0, ge=0, le=0.5)
    steps: int = Field(20, ge=1)
    attacked_share: float = Field(1.0, gt=0, le=1)
    """Share of the validation scans that is attacked."""
    certified: CertifiedValidation | None = None

    _eps = field_validator("eps", mode="before")(read_epsilon)

    @model_validator(mode="after")
    def _one_score(self) -> "ValidationSettings":
        if self.certified and self.eps:
            raise ValueError(
                Text(
                    "training.one-validation-score",
                    "validation.certified and validation.eps are two ways to choose weights; remove one",
                )
            )
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, plain(self), "attacked_share", "certified")


class AlarmSettings(StrictSettings):
    """When the alarm sounds; both must hold."""

    every: int = Field(1, ge=1)
    """Epochs between probes."""
    images: int = Field(64, ge=8)
    """Validation images probed, always the same, spread over the classes."""
    gap: float = Field(0.3, ge=-1, lt=1)
    """FGSM accuracy minus PGD accuracy above which it sounds. A sound network's stays near 0.1."""
    fall: float = Field(0.1, ge=-1, lt=1)
    """PGD accuracy lost since the best good probe (the last one, while epsilon grows) above which it sounds."""
