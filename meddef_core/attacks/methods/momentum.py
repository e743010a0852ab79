"""MI-FGSM: sign steps along a running sum of gradients."""

import torch
from torch import Tensor

from meddef_core.attacks.balls import project_linf
from meddef_core.attacks.climb import Look, climb, look_once
from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search
from meddef_core.text import Text

DECAY = 1.0
"""What is left of the summed gradients after each step; the value of section 4.1."""


def mi_fgsm(search: Search) -> None:
    """Steps from the scan along the sign of the summed gradients, each over its mean size (algorithm 1).

    The default step is 1/steps of epsilon, as in the paper. One step is FGSM.
    """
    climb_by_momentum(search, look=look_once)


def climb_by_momentum(search: Search, *, look: Look) -> None:
    """`mi_fgsm` along whatever gradients `look` finds."""
    x, spec = search.problem.x, search.problem.spec
    size = (spec.rel_step or 1 / spec.steps) * spec.eps
    momentum = torch.zeros_like(x)

    def ascend(images: Tensor, gradient: Tensor, index: Tensor) -> Tensor:
        momentum[index] = DECAY * momentum[index] + unit_mean(gradient)
        return project_linf(images + size * momentum[index].sign(), around=x[index], eps=spec.eps)

    climb(search, start=x, ascend=ascend, look=look)


def unit_mean(gradient: Tensor) -> Tensor:
    """Each image's gradient over its mean absolute value, so that every step counts alike; zero stays zero."""
    size = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    return gradient / size.clamp(min=torch.finfo(gradient.dtype).tiny)


ATTACKS = (
    AttackInfo(
        name="mi_fgsm",
        title=Text("attack.mi-fgsm", "MI-FGSM"),
        one_line=Text(
            "attack.bim-follows", "BIM that follows the sum of all gradients so far, which carries it over small bumps."
        ),
        citation="Dong et al. 2018, Boosting adversarial attacks with momentum, arXiv:1710.06081 (algorithm 1)",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "rel_step", "loss", "target", "keep", "stop_when_fooled"}),
        run=mi_fgsm,
        defaults={"steps": 10},
    ),
)
