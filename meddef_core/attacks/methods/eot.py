"""PGD on a model that answers differently each time: it follows the mean of several gradients."""

import torch
from torch import Tensor

from meddef_core.attacks.balls import project_linf
from meddef_core.attacks.climb import climb
from meddef_core.attacks.draws import draw_uniform
from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search, input_gradient
from meddef_core.text import Text


def eot_pgd(search: Search) -> None:
    """PGD up the expected loss, estimated anew at each step from `samples` passes (Athalye et al. 2018, section 2).

    An iterate is judged by its mean logits over those passes. On a model without randomness this is PGD, at
    `samples` times the cost. A model that draws its own randomness makes the result as random as itself; there,
    keep="best" and `stop_when_fooled` prefer iterates that fooled by luck, so the last iterate is kept by default.
    """
    x, spec = search.problem.x, search.problem.spec
    size = (spec.rel_step or 2.5 / spec.steps) * spec.eps

    def ascend(images: Tensor, gradient: Tensor, index: Tensor) -> Tensor:
        return project_linf(images + size * gradient.sign(), around=x[index], eps=spec.eps)

    for restart in range(spec.restarts):
        start = x + spec.eps * draw_uniform(x, seed=spec.seed, draw=restart)
        start = project_linf(start, around=x, eps=spec.eps)
        if not climb(search, start=start, ascend=ascend, look=_look_often, restart=(restart, spec.restarts)):
            return


def _look_often(search: Search, images: Tensor, index: Tensor) -> Tensor:
    """Mean gradient over `samples` passes; each pass's graph is freed before the next, whatever their number."""
    problem, samples = search.problem, search.problem.spec.samples
    gradient, mean = torch.zeros_like(images), torch.zeros_like(problem.clean_logits[index])
    for _ in range(samples):
        logits = search.query(images)
        if images.requires_grad:
            gradient += input_gradient(problem.loss(logits, index), images) / samples
        mean += logits.detach() / samples
    search.offer(images, logits=mean, index=index)
    return gradient


ATTACKS = (
    AttackInfo(
        name="eot_pgd",
        title=Text("attack.eot-pgd", "EOT-PGD"),
        one_line=Text(
            "attack.pgd-models", "PGD for models that answer at random: it averages several gradients into each step."
        ),
        citation="Athalye et al. 2018, Synthesizing robust adversarial examples, arXiv:1707.07397 (section 2)",
        threat="white box",
        iterative=True,
        settings=frozenset(
            {"steps", "rel_step", "restarts", "loss", "target", "seed", "keep", "stop_when_fooled", "samples"}
        ),
        run=eot_pgd,
        defaults={"keep": "last"},
    ),
)
