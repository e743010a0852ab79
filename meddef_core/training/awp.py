"""Adversarial weight perturbation: the loss is minimised where nearby weights make it worst.

Wu, Xia and Wang 2020, Adversarial weight perturbation helps robust generalization, arXiv:2004.05884.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from meddef_core.training.sharing import WHOLE, BatchShare, sum_over_processes


@contextmanager
def perturbed(network: nn.Module, loss: torch.Tensor, *, gamma: float, share: BatchShare = WHOLE) -> Iterator[None]:
    """Move each layer's weights by `gamma` of their norm up the gradient of `loss`; bit for bit back on leaving.

    One step of algorithm 1 with the layer-wise size of equation 10, for weights of two and more dimensions, as in the
    authors' experiments. What is pruned (exactly zero) stays zero. To be left before the optimizer steps; run the
    forward pass inside in an autocast context of its own, because one that is open already still has the old weights.
    """
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    gradients = torch.autograd.grad(loss, weights)
    kept = [weight.detach().clone() for weight in weights]
    try:
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                if share.count > 1:
                    gradient = sum_over_processes(gradient)
                direction = gradient * (weight != 0)
                weight.add_(direction * (gamma * weight.norm() / direction.norm().clamp(min=1e-12)))
        yield
    finally:
        with torch.no_grad():
            for weight, before in zip(weights, kept, strict=True):
                weight.copy_(before)
