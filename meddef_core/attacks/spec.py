"""What an attack is asked to do, what it reports on the way, and how an epsilon is written."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from meddef_core.errors import AttackError

if TYPE_CHECKING:
    from meddef_core.attacks.search import Search

LOSSES = ("ce", "margin")
KEEPS = ("best", "last")


@dataclass(frozen=True, kw_only=True)
class AttackSpec:
    """Everything that determines an attack: the same spec, model and images give the same result.

    `AttackInfo.settings` names the fields an attack reads; it ignores the others. Raises AttackError on
    settings that make no sense.
    """

    name: str
    """Key into `ATTACKS`."""
    eps: float
    """Budget in pixel units, in [0, 1]."""
    steps: int = 20
    """Gradient steps of one restart."""
    rel_step: float | None = None
    """Step size as a share of `eps`, so that moving `eps` stays meaningful; None is the attack's own default."""
    restarts: int = 1
    """Random starts of PGD, or draws of the noise controls; the best is returned."""
    loss: str = "ce"
    """"ce" (cross-entropy) or "margin" (logit of the best other class minus the label's)."""
    target: int | None = None
    """Class to reach; None moves away from the label."""
    seed: int = 0
    keep: str = "best"
    """"best" returns, per image, a fooling image before any other, then the highest loss; the clean image
    takes part if it already fools. "last" returns the last iterate, as the papers do."""
    stop_when_fooled: bool = False
    """Let an image leave the batch once it fools. Same success, less work; the loss is not driven further."""

    def __post_init__(self) -> None:
        _check_eps(self.eps)
        for field, least in (("steps", 1), ("restarts", 1), ("seed", 0)):
            value = getattr(self, field)
            if not _is_integer(value) or value < least:
                raise AttackError(f"{field} must be a whole number of at least {least}, not {value!r}")
        if self.rel_step is not None and not (_is_number(self.rel_step) and 0 < self.rel_step < math.inf):
            raise AttackError(f"rel_step must be a positive share of epsilon, not {self.rel_step!r}")
        if self.target is not None and (not _is_integer(self.target) or self.target < 0):
            raise AttackError(f"target must be a class number from 0 up, or None, not {self.target!r}")
        if self.loss not in LOSSES:
            raise AttackError(f"loss must be one of {', '.join(LOSSES)}, not {self.loss!r}")
        if self.keep not in KEEPS:
            raise AttackError(f"keep must be one of {', '.join(KEEPS)}, not {self.keep!r}")


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


OnStep = Callable[[AttackStep], bool | None]
"""Called after each step; returning False cancels the attack, anything it raises is passed on."""


@dataclass(frozen=True, kw_only=True)
class AttackInfo:
    """A registry entry: what a reader needs to know about an attack, and the function that runs it."""

    name: str
    title: str
    one_line: str
    """What it does, for a reader who is no expert."""
    citation: str
    threat: str
    """"white box" (uses gradients) or "control" (knows nothing; what a real attack must beat)."""
    iterative: bool
    """Whether `steps` matters."""
    settings: frozenset[str]
    """Fields of `AttackSpec`, beyond `name` and `eps`, that change the result."""
    run: Callable[["Search"], None]
    """Visits candidate images through a `Search`, which keeps the best."""
    norm: str = "linf"
    """Distance the budget bounds: a key of `result.DISTANCES`."""


def parse_eps(text: str) -> float:
    """Read "8/255" or "0.031" as a budget in [0, 1]; AttackError with one sentence on anything else."""
    numerator, slash, denominator = text.partition("/")
    try:
        eps = float(numerator) / (float(denominator) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        raise AttackError(f'epsilon must look like "4/255" or "0.016", not {text!r}') from None
    _check_eps(eps)
    return eps


def format_eps(eps: float) -> str:
    """Write a budget the way readers know it: "4/255 (0.0157)", or "0.01" where it is no multiple of 1/255."""
    steps = eps * 255
    if abs(steps - round(steps)) < 1e-6:
        return f"{round(steps)}/255 ({eps:.4f})"
    return f"{eps:.4g}"


def _check_eps(eps: float) -> None:
    if not _is_number(eps) or not 0 <= eps <= 1:
        raise AttackError(f"epsilon must lie between 0 and 1 in pixel units (4/255, say), not {eps!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
