"""PGD with a Euclidean budget: few pixels may move far, or many a little."""

import torch
from torch import Tensor

from meddef_core.attacks.balls import project_l2
from meddef_core.attacks.climb import climb
from meddef_core.attacks.draws import generators
from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search
from meddef_core.text import Text


def pgd_l2(search: Search) -> None:
    """Steps of one length along the gradient, from uniformly random starts in the ball (Madry et al. 2018, 2.1).

    The default step is 2.5/steps of epsilon, as PGD's.
    """
    x, spec = search.problem.x, search.problem.spec
    size = (spec.rel_step or 2.5 / spec.steps) * spec.eps

    def ascend(images: Tensor, gradient: Tensor, index: Tensor) -> Tensor:
        return project_l2(images + size * _unit_length(gradient), around=x[index], eps=spec.eps)

    for restart in range(spec.restarts):
        start = x + spec.eps * _draw_in_ball(x, seed=spec.seed, draw=restart)
        start = project_l2(start, around=x, eps=spec.eps)
        if not climb(search, start=start, ascend=ascend, restart=(restart, spec.restarts)):
            return


def _draw_in_ball(x: Tensor, *, seed: int, draw: int) -> Tensor:
    """Uniform in the unit ball, shaped and placed like `x`: a random direction, and a root of a uniform length."""
    draws = []
    for generator in generators(x, seed=seed, draw=draw):
        direction = torch.randn(x.shape[1:], generator=generator, dtype=x.dtype)
        share = torch.rand((), generator=generator, dtype=x.dtype) ** (1 / direction.numel())
        draws.append(direction * share / direction.norm())
    return torch.stack(draws).to(x.device)


def _unit_length(gradient: Tensor) -> Tensor:
    """Each image's gradient over its Euclidean norm; zero stays zero."""
    length: Tensor = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return gradient / length.clamp(min=torch.finfo(gradient.dtype).tiny)


ATTACKS = (
    AttackInfo(
        name="pgd_l2",
        title=Text("attack.pgd-l2", "PGD (L2)"),
        one_line=Text(
            "attack.pgd-whose", "PGD that limits the length of the whole change, so that a few pixels may move far."
        ),
        citation="Madry et al. 2018, Towards deep learning models resistant to adversarial attacks, arXiv:1706.06083",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "rel_step", "restarts", "loss", "target", "seed", "keep", "stop_when_fooled"}),
        run=pgd_l2,
        norm="l2",
        defaults={"eps": 3.0},
    ),
)
