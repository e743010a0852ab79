"""Which weights stay: global magnitude pruning of convolutions and linear layers (paper, unstructured pruning).

One-shot pruning zeroes the weights of smallest magnitude over the whole network (L1 on single weights; Han et al. 2015,
Learning both weights and connections for efficient neural networks, arXiv:1506.02626). Biases and batch norms are never
pruned. A mask is True where a weight stays.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from meddef_core.errors import ModelError
from meddef_core.text import Text

Masks = dict[str, Tensor]
"""A bool tensor of the weight's shape by the weight's name in the state."""

Network = TypeVar("Network", bound=nn.Module)

MOST_SPARSITY = 0.99


@dataclass(frozen=True)
class WeightCounts:
    """What pruning may remove, and what is left of it."""

    prunable: int
    """Weights of convolutions and linear layers."""
    nonzero: int
    """Those that are not zero."""

    @property
    def sparsity(self) -> float:
        """Share of zeros in [0, 1]; 0 where nothing can be pruned."""
        return 1 - self.nonzero / self.prunable if self.prunable else 0.0


def prunable(network: nn.Module) -> dict[str, nn.Parameter]:
    """The weight of every convolution and linear layer, in the network's order."""
    found: dict[str, nn.Parameter] = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            found[f"{name}.weight".removeprefix(".")] = cast("nn.Parameter", module.weight)
    return found


def weight_counts(network: nn.Module) -> WeightCounts:
    """How many weights pruning may remove, and how many of them are not zero."""
    weights = prunable(network).values()
    return WeightCounts(sum(w.numel() for w in weights), sum(int(w.count_nonzero()) for w in weights))


def sparsity_of(network: nn.Module) -> float:
    """Share of zeros among the weights of convolutions and linear layers, in [0, 1]."""
    return weight_counts(network).sparsity


def zeros_of(sparsity: float, *, size: int) -> int:
    """How many of `size` weights a sparsity removes; raises ModelError outside 0 to 0.99."""
    if not 0 <= sparsity <= MOST_SPARSITY:
        raise ModelError(
            Text(
                "pruning.sparsity-range",
                "Sparsity must lie between 0 and {most}, not {given}.",
                most=MOST_SPARSITY,
                given=sparsity,
            )
        )
    return round(sparsity * size)


def magnitude_masks(network: nn.Module, sparsity: float) -> Masks:
    """Masks that remove exactly `round(sparsity * weights)` weights, those of smallest magnitude over all layers.

    Of equal magnitudes the first goes first, so a larger sparsity always keeps a part of what a smaller one keeps.
    """
    scores = {name: weight.detach().abs() for name, weight in prunable(network).items()}
    return choose(scores, zeros_of(sparsity, size=sum(score.numel() for score in scores.values())))


def choose(scores: Mapping[str, Tensor], zeros: int | Mapping[str, int]) -> Masks:
    """Masks without the `zeros` lowest scores: over all tensors together, or so many in each by name."""
    if not isinstance(zeros, int):
        return {name: ~_lowest(score.flatten(), zeros[name]).view(score.shape) for name, score in scores.items()}
    if not scores:
        return {}
    dropped = _lowest(torch.cat([score.flatten() for score in scores.values()]), zeros)
    parts = dropped.split([score.numel() for score in scores.values()])
    return {name: ~part.view(score.shape) for (name, score), part in zip(scores.items(), parts, strict=True)}


@torch.no_grad()
def apply_masks(network: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Zero every weight that its mask removes, in place."""
    for name, weight in prunable(network).items():
        # Not a product: that would leave minus zeros, and NaN where a removed weight is infinite.
        weight.masked_fill_(~masks[name], 0)


def pruned(network: Network, sparsity: float) -> Network:
    """A copy of the network after one-shot global magnitude pruning; `network` stays as it was."""
    sparse = copy.deepcopy(network)
    apply_masks(sparse, magnitude_masks(sparse, sparsity))
    return sparse


def _lowest(scores: Tensor, count: int) -> Tensor:
    """True at exactly `count` lowest scores `(N,)`, of equal ones the first."""
    if count == 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    threshold = scores.kthvalue(count).values
    below = scores < threshold
    equal = (scores == threshold).nonzero().squeeze(1)
    below[equal[: count - int(below.sum())]] = True
    return below
