"""What a training step minimises: cross-entropy on clean images, on images attacked on the spot, or on a teacher.

Unless a recipe says otherwise, attacked images are crafted with the network as it trains (batch-norm statistics of the
batch), which is what keeps single-step training stable.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meddef_core.training.losses import LossOf, LossSettings
from meddef_core.training.settings import CraftMode, ObjectiveSettings
from meddef_core.training.sharing import WHOLE, BatchShare
from meddef_core.training.smoothing import smoothing_loss

TRADES_START = 1e-3
"""Standard deviation of the noise TRADES starts from: at the clean image itself its gradient is zero."""


def n_fgsm(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    eps: float,
    noise: float,
    loss: LossSettings,
    generator: torch.Generator,
    share: BatchShare = WHOLE,
) -> Tensor:
    """Noise of plus or minus `noise * eps`, then one signed step of `eps`, not projected (de Jorge et al. 2022)."""
    start = x + _uniform(x, eps * noise, generator, share)
    return (start + eps * _gradient_sign(lambda z: loss(network(z), y), start)).clamp(0, 1)


def pgd(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    eps: float,
    steps: int,
    loss: LossSettings,
    generator: torch.Generator,
    share: BatchShare = WHOLE,
) -> Tensor:
    """Random start, then `steps` projected signed steps of `2 * eps / steps`, at most `eps` (Madry et al. 2018)."""
    start = (x + _uniform(x, eps, generator, share)).clamp(0, 1)
    return _ascend(lambda z: loss(network(z), y), start, around=x, eps=eps, steps=steps)


def trades(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    eps: float,
    steps: int,
    loss: LossSettings,
    generator: torch.Generator,
    share: BatchShare = WHOLE,
) -> Tensor:
    """Images in the ball whose predictions differ most from the clean ones, labels aside.

    The inner maximisation of Zhang et al. 2019, Theoretically principled trade-off between robustness and accuracy,
    arXiv:1901.08573 (algorithm 1), with the steps of `pgd`. `y` only weights the classes.
    """
    with torch.no_grad():
        clean = network(x)
    noise = share.of(torch.randn((len(x) * share.count, *x.shape[1:]), generator=generator)).to(x.device)
    start = (x + TRADES_START * noise).clamp(0, 1)
    return _ascend(lambda z: loss.divergence(clean, network(z), y), start, around=x, eps=eps, steps=steps)


def distillation(network: nn.Module, x: Tensor, *, teacher: nn.Module, temperature: float) -> Tensor:
    """Defensive distillation (Papernot et al. 2016, Distillation as a defense, arXiv:1511.04508, section IV).

    Cross-entropy of the student's softmax at `temperature` with the teacher's probabilities. These are read at
    temperature 1, the one the teacher was trained at: the paper, too, reads its teacher at the teacher's own training
    temperature. Used at temperature 1, the student then has logits about `temperature` times the teacher's, so its
    softmax saturates and the gradient of cross-entropy vanishes. That hides the way to an adversarial image and does
    not close it: the margin of the logits still shows it (Carlini and Wagner 2017, Towards evaluating the robustness
    of neural networks, arXiv:1608.04644, section VI).

    No class weights and no label smoothing: the teacher's probabilities already carry those it was trained with.
    """
    with torch.no_grad():
        labels = teacher(x).float().softmax(dim=1)
    return F.cross_entropy(network(x).float() / temperature, labels)


def make_loss(
    objective: ObjectiveSettings,
    x: Tensor,
    y: Tensor,
    *,
    inner: nn.Module,
    eps: float,
    loss: LossSettings,
    generator: torch.Generator,
    share: BatchShare = WHOLE,
    teacher: nn.Module | None = None,
) -> LossOf:
    """Craft the images that an objective needs for a batch; what comes back is its loss as a function of the network.

    `inner` is the network without the wrapper that synchronises gradients: images are crafted with that, since
    gradients with respect to the input concern this process alone. `clean_share` of the weight stays on the clean
    images; TRADES minimises loss(clean) + beta * divergence(clean, attacked) instead (equation 5 of its paper).
    `teacher`, frozen and in eval mode, is for distillation, which raises ValueError without it.
    """
    if objective.kind == "distill":
        if teacher is None:
            raise ValueError("distillation needs a teacher")
        return lambda network: distillation(network, x, teacher=teacher, temperature=objective.temperature)
    if objective.kind == "smooth":
        with _crafting(inner, objective.craft_mode):
            return smoothing_loss(objective, x, y, inner=inner, eps=eps, loss=loss, generator=generator, share=share)
    if objective.kind == "clean" or eps == 0:
        return lambda network: loss(network(x), y)
    with _crafting(inner, objective.craft_mode):
        if objective.kind == "n_fgsm":
            attacked = n_fgsm(inner, x, y, eps=eps, noise=objective.noise, loss=loss, generator=generator, share=share)
        else:
            search = trades if objective.kind == "trades" else pgd
            attacked = search(inner, x, y, eps=eps, steps=objective.steps, loss=loss, generator=generator, share=share)
    clean_share = objective.clean_share

    def both(network: nn.Module) -> Tensor:
        clean, other = network(torch.cat([x, attacked])).split(len(x))
        if objective.kind == "trades":
            return loss(clean, y) + objective.beta * loss.divergence(clean, other, y)
        return clean_share * loss(clean, y) + (1 - clean_share) * loss(other, y)

    if objective.kind != "trades" and clean_share == 0:
        return lambda network: loss(network(attacked), y)
    return both


@contextmanager
def _crafting(network: nn.Module, mode: CraftMode) -> Iterator[None]:
    """The network in that mode, and in training mode again afterwards."""
    network.train(mode == "train")
    try:
        yield
    finally:
        network.train()


def _uniform(x: Tensor, spread: float, generator: torch.Generator, share: BatchShare) -> Tensor:
    drawn = share.of(torch.rand((len(x) * share.count, *x.shape[1:]), generator=generator))
    return ((drawn * 2 - 1) * spread).to(x.device)


def _ascend(value: Callable[[Tensor], Tensor], x: Tensor, *, around: Tensor, eps: float, steps: int) -> Tensor:
    step = min(eps, 2 * eps / steps)
    lower, upper = (around - eps).clamp(0, 1), (around + eps).clamp(0, 1)
    for _ in range(steps):
        x = torch.min(torch.max(x + step * _gradient_sign(value, x), lower), upper)
    return x


def _gradient_sign(value: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(value(x), x)
    return gradient.sign()
