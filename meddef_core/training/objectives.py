"""What a training step minimises: clean cross-entropy, or cross-entropy on images attacked on the spot.

Attacked images are crafted with the network as it trains (batch-norm statistics of the batch), which is what keeps
single-step training stable.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Kind = Literal["clean", "n_fgsm", "pgd"]


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Cross-entropy with class weights `(K,)` against imbalance, and label smoothing."""

    class_weights: Tensor
    label_smoothing: float

    def __call__(self, logits: Tensor, y: Tensor) -> Tensor:
        """Mean loss over `(B, K)` logits and `(B,)` labels; in fp32 whatever precision the logits have."""
        return F.cross_entropy(
            logits.float(), y, weight=self.class_weights.to(logits.device), label_smoothing=self.label_smoothing
        )


def n_fgsm(
    network: nn.Module, x: Tensor, y: Tensor, *,
    eps: float, noise: float, loss: LossSettings, generator: torch.Generator,
) -> Tensor:
    """Noise of plus or minus `noise * eps`, then one signed step of `eps`, not projected (de Jorge et al. 2022)."""
    start = x + _uniform(x, eps * noise, generator)
    return (start + eps * _gradient_sign(network, start, y, loss)).clamp(0, 1)


def pgd(
    network: nn.Module, x: Tensor, y: Tensor, *, eps: float, steps: int, loss: LossSettings, generator: torch.Generator
) -> Tensor:
    """Random start, then `steps` projected signed steps of `2 * eps / steps`, at most `eps` (Madry et al. 2018)."""
    step = min(eps, 2 * eps / steps)
    lower, upper = (x - eps).clamp(0, 1), (x + eps).clamp(0, 1)
    adversarial = (x + _uniform(x, eps, generator)).clamp(0, 1)
    for _ in range(steps):
        adversarial = adversarial + step * _gradient_sign(network, adversarial, y, loss)
        adversarial = torch.min(torch.max(adversarial, lower), upper)
    return adversarial


def objective_loss(
    kind: Kind, network: nn.Module, x: Tensor, y: Tensor, *, inner: nn.Module, eps: float, noise: float, steps: int,
    clean_share: float, loss: LossSettings, generator: torch.Generator,
) -> Tensor:
    """Loss of one batch under an objective; `clean_share` of its weight stays on the clean images.

    `inner` is the same network without the wrapper that synchronises gradients: images are crafted with that, since
    gradients with respect to the input concern this process alone.
    """
    if kind == "clean" or eps == 0:
        return loss(network(x), y)
    if kind == "n_fgsm":
        attacked = n_fgsm(inner, x, y, eps=eps, noise=noise, loss=loss, generator=generator)
    else:
        attacked = pgd(inner, x, y, eps=eps, steps=steps, loss=loss, generator=generator)
    if clean_share == 0:
        return loss(network(attacked), y)
    logits = network(torch.cat([x, attacked]))
    return clean_share * loss(logits[: len(x)], y) + (1 - clean_share) * loss(logits[len(x) :], y)


def _uniform(x: Tensor, spread: float, generator: torch.Generator) -> Tensor:
    return ((torch.rand(x.shape, generator=generator) * 2 - 1) * spread).to(x.device)


def _gradient_sign(network: nn.Module, x: Tensor, y: Tensor, loss: LossSettings) -> Tensor:
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(network(x), y), x)
    return gradient.sign()
