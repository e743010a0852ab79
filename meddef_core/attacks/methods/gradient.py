"""Attacks that follow the sign of the input gradient inside an L-infinity ball: FGSM, BIM, PGD."""

from torch import Tensor

from meddef_core.attacks.balls import project_linf
from meddef_core.attacks.climb import Ascend, climb
from meddef_core.attacks.draws import draw_uniform
from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search
from meddef_core.text import Text


def fgsm(search: Search) -> None:
    """One step of epsilon from the scan, along the sign of the gradient (Goodfellow et al. 2015, section 4)."""
    climb(search, start=search.problem.x, ascend=_sign_steps(search, rel_step=1.0), steps=1)


def bim(search: Search) -> None:
    """Small sign steps from the scan itself, projected after each (Kurakin et al. 2017, section 2.2).

    The default step is 1.25/steps of epsilon, at most all of it: the paper's N = 1.25 epsilon steps of one grey
    level, for any N. One step is FGSM.
    """
    spec = search.problem.spec
    rel_step = spec.rel_step or min(1.0, 1.25 / spec.steps)
    climb(search, start=search.problem.x, ascend=_sign_steps(search, rel_step=rel_step))


def pgd(search: Search) -> None:
    """BIM from uniformly random starts in the ball, best of all restarts (Madry et al. 2018, section 2.1).

    The default step is 2.5/steps of epsilon, as in the paper's section 5: every corner is in reach of every start.
    """
    spec, x = search.problem.spec, search.problem.x
    ascend = _sign_steps(search, rel_step=spec.rel_step or 2.5 / spec.steps)
    for restart in range(spec.restarts):
        start = x + spec.eps * draw_uniform(x, seed=spec.seed, draw=restart)
        start = project_linf(start, around=x, eps=spec.eps)
        if not climb(search, start=start, ascend=ascend, restart=(restart, spec.restarts)):
            return


def _sign_steps(search: Search, *, rel_step: float) -> Ascend:
    """Projected steps of `rel_step` epsilons along the sign of the gradient."""
    x, eps = search.problem.x, search.problem.spec.eps

    def ascend(images: Tensor, gradient: Tensor, index: Tensor) -> Tensor:
        return project_linf(images + rel_step * eps * gradient.sign(), around=x[index], eps=eps)

    return ascend


ATTACKS = (
    AttackInfo(
        name="fgsm",
        title=Text("lab.fgsm", "FGSM"),
        one_line=Text(
            "attack.moves-every-pixel-once",
            "Moves every pixel once, by all of epsilon, in the direction that raises the loss.",
        ),
        citation="Goodfellow, Shlens and Szegedy 2015, Explaining and harnessing adversarial examples, arXiv:1412.6572",
        threat="white box",
        iterative=False,
        settings=frozenset({"loss", "target", "keep"}),
        run=fgsm,
    ),
    AttackInfo(
        name="bim",
        title=Text("lab.bim", "BIM"),
        one_line=Text(
            "attack.repeats-fgsm", "Repeats FGSM in small steps from the scan itself, never leaving the epsilon ball."
        ),
        citation="Kurakin, Goodfellow and Bengio 2017, Adversarial examples in the physical world, arXiv:1607.02533",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "rel_step", "loss", "target", "keep", "stop_when_fooled"}),
        run=bim,
    ),
    AttackInfo(
        name="pgd",
        title=Text("lab.pgd", "PGD"),
        one_line=Text(
            "attack.bim-from", "BIM from random starting points in the epsilon ball; the best of all restarts counts."
        ),
        citation="Madry et al. 2018, Towards deep learning models resistant to adversarial attacks, arXiv:1706.06083",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "rel_step", "restarts", "loss", "target", "seed", "keep", "stop_when_fooled"}),
        run=pgd,
    ),
)
