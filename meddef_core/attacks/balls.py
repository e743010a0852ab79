"""Projections onto what a budget allows, always intersected with the pixel range [0, 1]."""

import torch
from torch import Tensor


def project_linf(images: Tensor, *, around: Tensor, eps: float) -> Tensor:
    """Nearest images inside the L-infinity ball; by bounds, so that float32 adds no error of its own."""
    return images.clamp((around - eps).clamp(min=0), (around + eps).clamp(max=1))


def project_l2(images: Tensor, *, around: Tensor, eps: float) -> Tensor:
    """Images scaled back onto the Euclidean ball, then clamped to [0, 1], which only brings them nearer.

    Not the nearest point of the intersection, which has no closed form, but always inside it.
    """
    change = images - around
    length: Tensor = change.flatten(1).norm(dim=1).clamp(min=torch.finfo(images.dtype).tiny)
    return (around + change * (eps / length).clamp(max=1).view(-1, 1, 1, 1)).clamp(0, 1)
