"""One perturbation for many images: found on some, it can be added to any other."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search, input_gradient, logits_of
from meddef_core.eps import check_budget
from meddef_core.errors import AttackError
from meddef_core.text import Text

CLIP = 9.0
"""An image's loss counts up to here (Shafahi et al. 2020, section 4): without a bound, the few images that are easiest
to fool would take the perturbation for themselves. Cross-entropy and margin are alike at that height."""

MOMENTUM = 0.9
"""Share of the summed gradient that stays from mini-batch to mini-batch: it averages over about ten of them."""


def universal(search: Search) -> None:
    """Sign steps up the mean clipped loss of all images of the call, from no perturbation at all.

    The default step is 2.5/steps of epsilon, as PGD's. The perturbation that fools most images (then: of the highest
    mean loss) is returned for all of them, so the result depends on which images stand together in the call.
    """
    problem, spec = search.problem, search.problem.spec
    everyone = torch.arange(len(problem.x), device=problem.x.device)
    size = (spec.rel_step or 2.5 / spec.steps) * spec.eps
    delta = torch.zeros_like(problem.x[:1]).requires_grad_()
    loss = problem.loss(search.query(_shifted(problem.x, delta)), everyone)
    for step in range(1, spec.steps + 1):
        delta = _moved(delta, _gradient(loss, delta), eps=spec.eps, size=size).requires_grad_(step < spec.steps)
        loss = search.visit(_shifted(problem.x, delta), index=everyone)
        if not search.report(step, total=spec.steps):
            return


def universal_perturbation(
    model: nn.Module, x: Tensor, y: Tensor, *, eps: float, steps: int = 100, seed: int = 0, batch: int = 32
) -> Tensor:
    """The perturbation `(1, C, H, W)` within +-`eps` that raises the cross-entropy of a whole set of images.

    For sets too large for one call, and to be measured on other images than it was made of: add it to those and
    clamp to [0, 1]. `x` `(B, C, H, W)` in [0, 1] and `y` `(B,)` int64 are of the set, `model` is as for `run_attack`
    and left as found. Each of the `steps` takes the next `batch` images of a list that is shuffled by `seed`, again
    after each pass, and follows the sign of the summed gradients. Raises AttackError on a budget, numbers or a model
    that make no sense.
    """
    check_budget(eps, norm="linf")
    if len(x) == 0 or len(x) != len(y):
        raise AttackError(
            Text(
                "attack.perturbation-images",
                "a perturbation needs images, and a label for each: not {images} images, {labels} labels",
                images=len(x),
                labels=len(y),
            )
        )
    if steps < 1 or batch < 1:
        raise AttackError(
            Text(
                "attack.steps-batch",
                "steps and batch must be at least 1, not {steps} and {batch}",
                steps=steps,
                batch=batch,
            )
        )
    if any(module.training for module in model.modules()):
        raise AttackError(
            Text("attack.training-mode", "the model is in training mode; call model.eval() before attacking it")
        )
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
        x, y = x.detach(), y.detach().to(x.device)
        delta, momentum = torch.zeros_like(x[:1]), torch.zeros_like(x[:1])
        for _, index in zip(range(steps), _passes(len(x), batch=batch, seed=seed), strict=False):
            delta.requires_grad_()
            chosen = index.to(x.device)
            loss = F.cross_entropy(logits_of(model, _shifted(x[chosen], delta)), y[chosen], reduction="none")
            momentum = MOMENTUM * momentum + _gradient(loss, delta)
            delta = _moved(delta, momentum, eps=eps, size=2.5 / steps * eps)
    return delta


def _shifted(x: Tensor, delta: Tensor) -> Tensor:
    return (x + delta).clamp(0, 1)


def _gradient(loss: Tensor, delta: Tensor) -> Tensor:
    """Of the mean clipped loss, from each image's loss `(B,)`."""
    return input_gradient(loss.clamp(max=CLIP) / len(loss), delta)


def _moved(delta: Tensor, direction: Tensor, *, eps: float, size: float) -> Tensor:
    """One sign step, back inside +-`eps`."""
    return (delta.detach() + size * direction.sign()).clamp(-eps, eps)


def _passes(count: int, *, batch: int, seed: int) -> Iterator[Tensor]:
    """Positions of mini-batches, for ever: the list is shuffled anew for each pass over it."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(count, generator=generator).split(batch)


ATTACKS = (
    AttackInfo(
        name="universal",
        title=Text("attack.universal", "Universal"),
        one_line=Text(
            "attack.finds-one", "Finds one perturbation for all images together, which can be added to others as it is."
        ),
        citation="Moosavi-Dezfooli et al. 2017, Universal adversarial perturbations, arXiv:1610.08401; climbed as by "
        "Shafahi et al. 2020, Universal adversarial training, arXiv:1811.11304 (section 4)",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "rel_step", "loss", "target", "keep"}),
        run=universal,
        batchwise=True,
    ),
)
