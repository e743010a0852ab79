"""The smallest budget at which an attack changes the output for one image, by bisection."""

import dataclasses
from dataclasses import dataclass

from torch import Tensor, nn

from meddef_core.attacks.registry import get_attack
from meddef_core.attacks.result import DISTANCES
from meddef_core.attacks.run import run_attack
from meddef_core.attacks.spec import AttackSpec, OnStep
from meddef_core.eps import Norm, check_budget
from meddef_core.errors import AttackError
from meddef_core.text import Text


@dataclass(frozen=True)
class BisectionTrial:
    """One attack of the bisection: what it was allowed, and whether it fooled the model."""

    eps: float
    flipped: bool


@dataclass(frozen=True, eq=False)
class SmallestFlip:
    """The smallest fooling change that was found, in the norm of the attack."""

    eps: float
    """How far the fooling image lies from the scan, measured: the model does give way there."""
    withstood: float
    """The largest budget below `eps` that was tried without success, or the `low` that the search began at. No proof
    that the model holds there: another attack may do better."""
    adversarial: Tensor
    """`(1, C, H, W)`: the image that fools at `eps`."""
    trials: tuple[BisectionTrial, ...]
    """Every attack, in the order they were run."""


def smallest_flip(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    spec: AttackSpec,
    *,
    low: float,
    high: float,
    tolerance: float,
    source: nn.Module | None = None,
    on_step: OnStep | None = None,
) -> SmallestFlip | None:
    """Halve the bracket `(low, high]` until it is at most `tolerance` wide; None where the attack fails at `high`.

    `x` is one image `(1, C, H, W)` in [0, 1], `y` its label `(1,)`; budgets are in the norm of the attack named by
    `spec`, whose own `eps` is not used. What is found is an upper bound on the distance to the nearest adversarial
    image, and it belongs to this attack: an attack finds no smallest change by proof, and one that fails at a budget
    may succeed at a smaller one. `on_step` hears every step of every attack; when it returns False, what was found
    until then is the answer.

    Raises AttackError for more than one image, a bracket that is none, and whatever `run_attack` refuses.
    """
    info = get_attack(spec.name)
    _check_bracket(x, low=low, high=high, tolerance=tolerance, norm=info.norm)
    hurried = dataclasses.replace(spec, stop_when_fooled=True) if "stop_when_fooled" in info.settings else spec
    trials: list[BisectionTrial] = []
    best, found, eps = None, high, high
    while True:
        result = run_attack(model, x, y, dataclasses.replace(hurried, eps=eps), source=source, on_step=on_step)
        if bool(result.success[0]):
            # The fooling image may lie well within its budget: the bracket closes down to where it was found.
            found, best = min(eps, float(DISTANCES[info.norm](result.adversarial, x)[0])), result
        if best is result or not result.cancelled:  # an attack cut short says nothing by its failure
            trials.append(BisectionTrial(eps, best is result))
        if best is None:
            return None
        withstood = max((t.eps for t in trials if not t.flipped and t.eps < found), default=min(low, found))
        if result.cancelled or found - withstood <= tolerance:
            return SmallestFlip(found, withstood, best.adversarial, tuple(trials))
        eps = (withstood + found) / 2


def _check_bracket(x: Tensor, *, low: float, high: float, tolerance: float, norm: Norm) -> None:
    if len(x) != 1:
        raise AttackError(
            Text(
                "attack.smallest-one-image",
                "the smallest epsilon is searched for one image at a time, not for {count}",
                count=len(x),
            )
        )
    for eps in (low, high):
        check_budget(eps, norm=norm)
    if not low < high:
        raise AttackError(
            Text(
                "attack.smallest-bracket",
                "the search needs a lower end below its upper end, not {low:g} and {high:g}",
                low=low,
                high=high,
            )
        )
    if not tolerance > 0:
        raise AttackError(
            Text("attack.smallest-tolerance", "tolerance must be above 0, not {tolerance}", tolerance=repr(tolerance))
        )
