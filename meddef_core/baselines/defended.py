"""A network behind a transformation of its input: the exact defence, and the view an adaptive attacker has of it."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

ChangeBytes = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""One image `(H, W, C)` of bytes to another of the same shape."""


class Transform(nn.Module):
    """Images `(B, C, H, W)` in [0, 1] to images in [0, 1], one by one."""

    differentiable: ClassVar[bool] = True
    """Whether `forward` has a gradient worth following. Where it has none, it returns images without a graph of the
    same shape, and the adaptive view passes gradients straight through."""


class RandomTransform(Transform):
    """A transformation that draws afresh at every call, from a generator of its own.

    `reset` starts its numbers again: the same calls then give the same images. An adaptive attacker may not know the
    numbers, so nothing else than the sequence of calls decides them.
    """

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        self.generator = torch.Generator()
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Start the sequence of draws that belongs to `seed`."""
        self.generator.manual_seed(seed)


class _StraightThrough(torch.autograd.Function):
    """Forward the transformation, bit by bit; backward the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, transform: Transform) -> Tensor:
        changed: Tensor = transform(x)
        return changed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class Defended(nn.Module):
    """`network(transform(x))`, logits `(B, K)`; shares `network` and changes nothing about it.

    With `straight_through` the value is the same, exactly, and the gradient is taken as if the transformation were
    the identity: backward pass differentiable approximation (Athalye, Carlini and Wagner 2018, Obfuscated gradients
    give a false sense of security, arXiv:1802.00420, section 4.1). It fits every transformation that keeps its input
    nearly as it is, which a defence must do to keep its clean accuracy.
    """

    def __init__(self, network: nn.Module, transform: Transform, *, straight_through: bool = False) -> None:
        super().__init__()
        self.network = network
        self.transform = transform
        self.straight_through = straight_through
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        seen = _StraightThrough.apply(x, self.transform) if self.straight_through else self.transform(x)
        logits: Tensor = self.network(seen)
        return logits

    def adaptive(self) -> "Defended":
        """The same function, with gradients worth following: its own where it has them, else straight through."""
        return Defended(self.network, self.transform, straight_through=not self.transform.differentiable)


def adaptive(network: nn.Module) -> nn.Module:
    """What an attacker who knows the defence takes gradients of; a network without a wrapper is that itself."""
    return network.adaptive() if isinstance(network, Defended) else network


def reset(network: nn.Module, *, seed: int) -> None:
    """Start the random draws of every randomised part of `network` again; nothing happens where there is none."""
    for module in network.modules():
        if isinstance(module, RandomTransform):
            module.reset(seed)


def through_bytes(x: Tensor, change: ChangeBytes) -> Tensor:
    """Every image of `x` `(B, C, H, W)` in [0, 1] rounded to bytes, changed, and brought back; without a graph.

    The rounding to 256 grey levels is part of the defences that need bytes, as it is where they are used.
    """
    # In float64, as NumPy users would: x * 255 in float32 lands on the other side of a half now and then.
    pixels = (x.detach().double() * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    changed = np.stack([change(np.ascontiguousarray(image)) for image in pixels])
    return torch.from_numpy(changed).permute(0, 3, 1, 2).to(x.device, x.dtype).contiguous() / 255
