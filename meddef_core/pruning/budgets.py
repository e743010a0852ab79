"""How many weights each layer loses, where that is decided layer by layer and not over the whole network."""

import math
from collections.abc import Mapping
from typing import Literal

from torch import Size

Layerwise = Literal["global", "uniform", "erk"]


def layer_zeros(shapes: Mapping[str, Size], zeros: int, *, layerwise: Literal["uniform", "erk"]) -> dict[str, int]:
    """Zeros of each weight by name, `zeros` in all: the same share everywhere, or by ERK.

    Erdos-Renyi-Kernel (Evci et al. 2020, Rigging the lottery, arXiv:1911.11134, section 3): the share of weights kept
    is proportional to the sum of a weight's dimensions over their product, and at most 1. Small layers stay dense.
    """
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    if layerwise == "uniform":
        wanted = {name: zeros * size / sum(sizes.values()) for name, size in sizes.items()}
    else:
        wanted = _erk(shapes, sizes, zeros)
    return _whole(wanted, zeros)


def _erk(shapes: Mapping[str, Size], sizes: Mapping[str, int], zeros: int) -> dict[str, float]:
    dense: set[str] = set()
    while True:
        rest = [name for name in sizes if name not in dense]
        kept = sum(sizes[name] for name in rest) - zeros
        # Share kept = scale * sum / product, so a layer keeps scale * sum of its dimensions.
        scale = kept / max(1, sum(sum(shapes[name]) for name in rest))
        full = {name for name in rest if scale * sum(shapes[name]) >= sizes[name]}
        if not full or full == set(rest):
            return {name: 0.0 if name in dense else sizes[name] - scale * sum(shapes[name]) for name in sizes}
        dense |= full


def _whole(wanted: Mapping[str, float], total: int) -> dict[str, int]:
    """Whole numbers next to the wanted ones that sum to `total`: the largest remainders are rounded up."""
    whole = {name: math.floor(value) for name, value in wanted.items()}
    by_remainder = sorted(wanted, key=lambda name: whole[name] - wanted[name])
    for name in by_remainder[: total - sum(whole.values())]:
        whole[name] += 1
    return whole
