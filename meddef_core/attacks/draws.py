"""Random numbers that belong to an image, not to its place in a batch."""

import hashlib

import torch
from torch import Tensor


def draw_uniform(x: Tensor, *, seed: int, draw: int) -> Tensor:
    """Uniform numbers in [-1, 1), shaped and placed like `x` `(B, C, H, W)`.

    An image's numbers depend on `seed`, `draw` (the restart) and its own pixels only: they are the same alone, in
    any batch, in any order and on any device. Two equal images get equal numbers.
    """
    numbers = [torch.rand(x.shape[1:], generator=g, dtype=x.dtype) for g in generators(x, seed=seed, draw=draw)]
    return (2 * torch.stack(numbers) - 1).to(x.device)


def draw_signs(x: Tensor, *, seed: int, draw: int) -> Tensor:
    """-1 or 1 with equal chance for each value of `x` `(B, C, H, W)`; reproducible as `draw_uniform` is."""
    return torch.where(draw_uniform(x, seed=seed, draw=draw) < 0, -1.0, 1.0).to(x.dtype)


def draw_normal(x: Tensor, *, seed: int, draw: int) -> Tensor:
    """Standard normal numbers, shaped and placed like `x` `(B, C, H, W)`; reproducible as `draw_uniform` is."""
    numbers = [torch.randn(x.shape[1:], generator=g, dtype=x.dtype) for g in generators(x, seed=seed, draw=draw)]
    return torch.stack(numbers).to(x.device)


def generators(x: Tensor, *, seed: int, draw: int) -> list[torch.Generator]:
    """One CPU generator for each image of `x` `(B, C, H, W)`, seeded by `seed`, `draw` and that image's pixels.

    For attacks that draw many times: each image goes on drawing from its own generator, whoever else is in the batch.
    """
    return [_generator(image, seed=seed, draw=draw) for image in x.detach().cpu()]


def _generator(image: Tensor, *, seed: int, draw: int) -> torch.Generator:
    digest = hashlib.sha256(f"{seed}:{draw}:".encode() + image.contiguous().numpy().tobytes()).digest()
    # 63 bits: the widest seed a torch generator takes as a non-negative int64.
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
