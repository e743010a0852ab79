"""Attacks that follow the sign of the input gradient inside an L-infinity ball: FGSM, BIM, PGD."""

import torch
from torch import Tensor

from meddef_core.attacks.draws import draw_uniform
from meddef_core.attacks.search import Search
from meddef_core.attacks.spec import AttackInfo
from meddef_core.errors import AttackError


def fgsm(search: Search) -> None:
    """One step of epsilon from the scan, along the sign of the gradient (Goodfellow et al. 2015, section 4)."""
    _climb(search, start=search.problem.x, rel_step=1.0, steps=1)


def bim(search: Search) -> None:
    """Small sign steps from the scan itself, projected after each (Kurakin et al. 2017, section 2.2).

    The default step is 1.25/steps of epsilon, at most all of it: the paper's N = 1.25 epsilon steps of one grey
    level, for any N. One step is FGSM.
    """
    spec = search.problem.spec
    _climb(search, start=search.problem.x, rel_step=spec.rel_step or min(1.0, 1.25 / spec.steps), steps=spec.steps)


def pgd(search: Search) -> None:
    """BIM from uniformly random starts in the ball, best of all restarts (Madry et al. 2018, section 2.1).

    The default step is 2.5/steps of epsilon, as in the paper's section 5: every corner is in reach of every start.
    """
    spec, x = search.problem.spec, search.problem.x
    rel_step = spec.rel_step or 2.5 / spec.steps
    for restart in range(spec.restarts):
        start = x + spec.eps * draw_uniform(x, seed=spec.seed, draw=restart)
        if not _climb(search, start=start, rel_step=rel_step, steps=spec.steps, restart=(restart, spec.restarts)):
            return


def project(images: Tensor, *, around: Tensor, eps: float) -> Tensor:
    """Nearest images inside the ball and inside [0, 1]; by bounds, so that float32 adds no error of its own."""
    return images.clamp((around - eps).clamp(min=0), (around + eps).clamp(max=1))


def _climb(search: Search, *, start: Tensor, rel_step: float, steps: int, restart: tuple[int, int] = (0, 1)) -> bool:
    """`steps` projected sign steps from `start` `(B, C, H, W)`; False when the attack must not go on.

    `restart` is which of how many, for the step count in the trace.
    """
    x, spec = search.problem.x, search.problem.spec
    before, total = restart[0] * steps, restart[1] * steps
    index = search.open()
    if len(index) == 0:
        return False
    images = project(start[index], around=x[index], eps=spec.eps).requires_grad_()
    loss = search.visit(images, index=index)
    for step in range(1, steps + 1):
        moved = images.detach() + rel_step * spec.eps * _gradient(loss, images).sign()
        # Only now may the fooled leave: their gradient came with the batch's.
        if spec.stop_when_fooled:
            staying = ~search.fooled[index]
            index, moved = index[staying], moved[staying]
            if len(index) == 0:
                return False
        images = project(moved, around=x[index], eps=spec.eps).requires_grad_(step < steps)
        loss = search.visit(images, index=index)
        if not search.report(before + step, total=total):
            return False
    return True


def _gradient(loss: Tensor, images: Tensor) -> Tensor:
    """Gradient of each image's own loss; parameters are never touched."""
    gradient = None
    if loss.requires_grad:
        (gradient,) = torch.autograd.grad(loss.sum(), images, allow_unused=True)
    if gradient is None:
        raise AttackError("the model passes no gradient to its input, so gradient attacks cannot run on it")
    if not bool(torch.isfinite(gradient).all()):
        raise AttackError("the model's gradient is not finite, so no gradient attack on it can be trusted")
    return gradient


ATTACKS = (
    AttackInfo(
        name="fgsm",
        title="FGSM",
        one_line="Moves every pixel once, by all of epsilon, in the direction that raises the loss.",
        citation="Goodfellow, Shlens and Szegedy 2015, Explaining and harnessing adversarial examples, arXiv:1412.6572",
        threat="white box",
        iterative=False,
        settings=frozenset({"loss", "target", "keep"}),
        run=fgsm,
    ),
    AttackInfo(
        name="bim",
        title="BIM",
        one_line="Repeats FGSM in small steps from the scan itself, never leaving the epsilon ball.",
        citation="Kurakin, Goodfellow and Bengio 2017, Adversarial examples in the physical world, arXiv:1607.02533",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "rel_step", "loss", "target", "keep", "stop_when_fooled"}),
        run=bim,
    ),
    AttackInfo(
        name="pgd",
        title="PGD",
        one_line="BIM from random starting points in the epsilon ball; the best of all restarts counts.",
        citation="Madry et al. 2018, Towards deep learning models resistant to adversarial attacks, arXiv:1706.06083",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "rel_step", "restarts", "loss", "target", "seed", "keep", "stop_when_fooled"}),
        run=pgd,
    ),
)
