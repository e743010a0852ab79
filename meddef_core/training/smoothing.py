"""Training for randomised smoothing: what is learned is the class of an image under Gaussian noise on the grid.

Cohen, Rosenfeld and Kolter 2019, Certified adversarial robustness via randomized smoothing, arXiv:1902.02918 (noise as
augmentation); Jeong and Shin 2020, Consistency regularization for certified robustness of smoothed classifiers,
arXiv:2006.04062; Salman et al. 2019, Provably robust deep learning via adversarially trained smoothed classifiers,
arXiv:1906.04584.
"""

import math

import torch
from torch import Tensor, nn

from meddef_core.model import MedDef, average_on_grid
from meddef_core.training.losses import LossOf, LossSettings
from meddef_core.training.settings import ObjectiveSettings, SmoothingSettings
from meddef_core.training.sharing import WHOLE, BatchShare

SMALLEST = 1e-6
"""Least probability whose logarithm is taken, and least length that a gradient is divided by."""


def smoothing_loss(
    objective: ObjectiveSettings,
    x: Tensor,
    y: Tensor,
    *,
    inner: nn.Module,
    eps: float,
    loss: LossSettings,
    generator: torch.Generator,
    share: BatchShare = WHOLE,
) -> LossOf:
    """The loss of noisy copies of images `(B, C, 224, 224)`, as a function of the network, which takes grids.

    With `eps` above zero, in pixel units, the images are first moved against the smoothed network under the same noise.
    """
    assert isinstance(inner, MedDef) and inner.config.grid is not None
    settings = objective.smoothing
    grid = average_on_grid(x, inner.config.grid)
    noise = inner.config.noise * _normal(grid, settings.draws, generator=generator, share=share)
    if settings.weaker:
        scale = share.of(torch.rand(len(grid) * share.count, generator=generator))
        noise[0] *= scale.view(-1, 1, 1, 1).to(noise.device)
    if eps:
        radius = eps * math.sqrt(math.prod(inner.config.grid))
        grid = smooth_adv(inner, grid, y, noise=noise, radius=radius, steps=objective.steps)
    noisy = (grid + noise).flatten(0, 1)

    def value(network: nn.Module) -> Tensor:
        logits = network(noisy).float()
        plain = loss(logits, y.repeat(settings.draws))
        if not (settings.consistency or settings.entropy):
            return plain
        return plain + loss.mean(inconsistency(logits.unflatten(0, (settings.draws, -1)), settings), y)

    return value


def inconsistency(logits: Tensor, settings: SmoothingSettings) -> Tensor:
    """`(B,)` from logits `(draws, B, K)`: weighted divergence from the mean prediction, and the entropy of that."""
    each = logits.log_softmax(dim=2)
    mean = each.exp().mean(dim=0)
    log_mean = mean.clamp(min=SMALLEST).log()
    divergence = (mean * (log_mean - each)).sum(dim=2).mean(dim=0)
    entropy = -(mean * log_mean).sum(dim=1)
    return settings.consistency * divergence + settings.entropy * entropy


def smooth_adv(network: nn.Module, grid: Tensor, y: Tensor, *, noise: Tensor, radius: float, steps: int) -> Tensor:
    """Grids `(B, C, h, w)` within L2 `radius` at which the mean probability of class `y` over the draws is low.

    Projected gradient steps of `2 * radius / steps` along the gradient of the mean's cross-entropy (Salman et al. 2019,
    algorithm 1). Values may leave [0, 1], as noisy ones do anyway.
    """
    step, moved = min(radius, 2 * radius / steps), grid
    for _ in range(steps):
        moved = moved.detach().requires_grad_(True)
        probabilities = network((moved + noise).flatten(0, 1)).float().softmax(dim=1)
        mean = probabilities.unflatten(0, noise.shape[:2]).mean(dim=0)
        hardness = -mean.gather(1, y[:, None]).clamp(min=SMALLEST).log().sum()
        (gradient,) = torch.autograd.grad(hardness, moved)
        shift = moved.detach() + step * _with_length(gradient, 1.0) - grid
        moved = grid + _with_length(shift, shift.flatten(1).norm(dim=1).clamp(max=radius))
    return moved.detach()


def _with_length(x: Tensor, length: float | Tensor) -> Tensor:
    """Each of `(B, C, h, w)` scaled to that L2 length; zero stays zero."""
    norms: Tensor = x.flatten(1).norm(dim=1)
    factor: Tensor = length / norms.clamp(min=SMALLEST)
    return x * factor.view(-1, 1, 1, 1)


def _normal(x: Tensor, draws: int, *, generator: torch.Generator, share: BatchShare) -> Tensor:
    """Standard normal `(draws, *x.shape)`, drawn for the whole batch and divided among the processes."""
    whole = torch.randn(draws, len(x) * share.count, *x.shape[1:], generator=generator)
    return torch.stack([share.of(draw) for draw in whole]).to(x.device)
