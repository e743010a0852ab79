"""What an attack is asked to do, and what it reports on the way."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypedDict, get_args

from torch import Tensor

from meddef_core.eps import is_number
from meddef_core.errors import AttackError
from meddef_core.text import Text

Loss = Literal["ce", "margin"]
EngineName = Literal["meddef", "torchattacks"]
Keep = Literal["best", "last"]

LOSSES: tuple[Loss, ...] = get_args(Loss)
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
KEEPS: tuple[Keep, ...] = get_args(Keep)


@dataclass(frozen=True, kw_only=True)
class AttackSpec:
    """Everything that determines an attack: the same spec, model and images give the same result.

    `AttackInfo.settings` names the fields an attack reads; it ignores the others. Raises AttackError on
    settings that make no sense.
    """

    name: str
    """Key into `ATTACKS`."""
    eps: float
    """Budget in the attack's own norm (`AttackInfo.norm`): pixel units in [0, 1] for "linf", the Euclidean norm of
    the change for "l2", the share of values that may change for "l0"."""
    steps: int = 20
    """Steps of one restart: gradient steps, or queries of a black-box attack."""
    rel_step: float | None = None
    """Step size as a share of `eps`, so that moving `eps` stays meaningful; None is the attack's own default."""
    restarts: int = 1
    """Random starts of PGD, or draws of the noise controls; the best is returned."""
    loss: Loss = "ce"
    """"ce" (cross-entropy) or "margin" (logit of the best other class minus the label's)."""
    target: int | None = None
    """Class to reach; None moves away from the label."""
    seed: int = 0
    keep: Keep = "best"
    """"best" returns, per image, a fooling image before any other, then the highest loss; the clean image
    takes part if it already fools. "last" returns the last iterate, as the papers do."""
    stop_when_fooled: bool = False
    """Let an image leave the batch once it fools. Same success, less work; the loss is not driven further."""
    samples: int = 8
    """Gradients (or random queries) averaged into one step, by attacks on randomised models and by estimates."""
    search_steps: int = 6
    """Rounds of the search over a trade-off constant (Carlini-Wagner)."""
    theta: float = 0.1
    """Change of one value in one step, in pixel units (JSMA)."""
    engine: EngineName = "meddef"
    """Whose implementation makes the images; a member of `ENGINES`. Which attacks "torchattacks" takes, and which
    settings it reads, stands in `second_engine`."""

    def __post_init__(self) -> None:
        if not (is_number(self.eps) and 0 <= self.eps < math.inf):
            raise AttackError(
                Text(
                    "attack.epsilon-must",
                    "epsilon must be a number from 0 up (4/255, say), not {eps}",
                    eps=repr(self.eps),
                )
            )
        least_values = (("steps", 1), ("restarts", 1), ("samples", 1), ("search_steps", 1), ("seed", 0))
        for name, least in least_values:
            value = getattr(self, name)
            if not _is_integer(value) or value < least:
                raise AttackError(
                    Text(
                        "attack.name-must",
                        "{name} must be a whole number of at least {least}, not {value}",
                        name=name,
                        least=least,
                        value=repr(value),
                    )
                )
        if not (is_number(self.theta) and 0 < self.theta <= 1):
            raise AttackError(
                Text(
                    "attack.theta-must",
                    "theta must be a change in pixel units, above 0 and at most 1, not {theta}",
                    theta=repr(self.theta),
                )
            )
        if self.rel_step is not None and not (is_number(self.rel_step) and 0 < self.rel_step < math.inf):
            raise AttackError(
                Text(
                    "attack.rel-step",
                    "rel_step must be a positive share of epsilon, not {rel_step}",
                    rel_step=repr(self.rel_step),
                )
            )
        if self.target is not None and (not _is_integer(self.target) or self.target < 0):
            raise AttackError(
                Text(
                    "attack.target-must",
                    "target must be a class number from 0 up, or None, not {target}",
                    target=repr(self.target),
                )
            )
        if self.loss not in LOSSES:
            raise AttackError(
                Text(
                    "attack.loss-one-of",
                    "loss must be one of {known}, not {loss}",
                    known=", ".join(LOSSES),
                    loss=repr(self.loss),
                )
            )
        if self.keep not in KEEPS:
            raise AttackError(
                Text(
                    "attack.keep-one-of",
                    "keep must be one of {known}, not {keep}",
                    known=", ".join(KEEPS),
                    keep=repr(self.keep),
                )
            )
        if self.engine not in ENGINES:
            raise AttackError(
                Text(
                    "attack.engine-one-of",
                    "engine must be one of {known}, not {engine}",
                    known=", ".join(ENGINES),
                    engine=repr(self.engine),
                )
            )


class AttackSettings(TypedDict, total=False):
    """Fields of `AttackSpec` that an attack may be given; those left out are the attack's own."""

    steps: int
    rel_step: float
    restarts: int
    loss: Loss
    seed: int
    keep: Keep
    stop_when_fooled: bool
    samples: int
    search_steps: int
    theta: float
    engine: EngineName


class AttackStep(NamedTuple):
    """One line of an attack's trace."""

    step: int
    """From 1 up, counted through all restarts."""
    total: int
    """Steps planned; fewer are run when every image left the batch or the attack was cancelled."""
    loss: float
    """Mean over the batch of what the attack raises, at the current iterate (last one, for images that left)."""
    success: int
    """Images fooled by the best iterate so far."""
    probabilities: Tensor
    """`(B, K)` on the CPU, of the current iterate (last one, for images that left)."""
    images: Tensor | None = None
    """`(B, C, H, W)`: the current iterate itself, a copy, for who listens to `run_attack(..., iterates=True)`; never
    in the trace, which would hold every picture of the attack. The iterate of an attack that seeks the smallest change
    may lie outside its budget."""


OnStep = Callable[[AttackStep], bool | None]
"""Called after each step; returning False cancels the attack, anything it raises is passed on."""


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
