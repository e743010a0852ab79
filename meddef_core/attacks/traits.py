"""What kind of attack one is: whom it concerns, what bounds it, and which settings it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from meddef_core.attacks.spec import Loss
from meddef_core.eps import Norm

Threat = Literal["white box", "black box", "control"]
Seeks = Literal["loss", "smallest"]

THREATS: tuple[Threat, ...] = get_args(Threat)


@dataclass(frozen=True, kw_only=True)
class AttackTraits:
    """What a reader and a search need to know about an attack."""

    name: str
    title: str
    one_line: str
    """What it does, for a reader who is no expert."""
    citation: str
    threat: Threat
    """A member of `THREATS`: "white box" (uses the model's gradients), "black box" (asks for outputs only, or uses
    another model's gradients) or "control" (knows nothing; what a real attack must beat)."""
    iterative: bool
    """Whether `steps` matters."""
    settings: frozenset[str]
    """Fields of `AttackSpec`, beyond `name` and `eps`, that change the result."""
    norm: Norm = "linf"
    """Distance the budget bounds: a key of `result.DISTANCES`."""
    seeks: Seeks = "loss"
    """What "best" means among fooling images: "loss" (the highest) or "smallest" (the nearest to the scan)."""
    loss: Loss | None = None
    """The loss that defines the attack, whatever the spec says; None follows the spec."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `AttackSpec` whose usual value for this attack is not the spec's own default."""
    most_steps: int = 200
    """More steps than this have no use in a form."""
    batchwise: bool = False
    """True where the images of one call share one perturbation, so that an image's result depends on the others."""
    needs_source: bool = False
    """True where the images are made on another model, `run_attack(..., source=...)`."""
