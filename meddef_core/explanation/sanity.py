"""Whether a map depends on what the network learned: its likeness to itself while the weights are drawn anew."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from meddef_core.errors import MedDefError
from meddef_core.explanation.registry import available, explain
from meddef_core.explanation.stability import rank_correlation
from meddef_core.model import MedDef
from meddef_core.model.backbone import STAGES
from meddef_core.text import Text


@dataclass(frozen=True)
class SanityRow:
    """A map beside the original, once the weights from the head down to `layer` are random."""

    layer: str
    similarity: float | None
    """Spearman's rank correlation with the original map, in [-1, 1]; None where either is flat."""


def sanity_check(network: MedDef, image: Tensor, *, target: int, key: str, seed: int = 0) -> tuple[SanityRow, ...]:
    """Draw the weights anew from the head to the stem, one part after the other, and compare the map after each.

    Cascading randomisation by Adebayo et al. 2018, Sanity Checks for Saliency Maps, arXiv:1810.03292 (section 3). A
    map that stays alike when all is random shows the image, not what the network learned; one that reads a module is
    bound to stay as long as only what lies behind the module is random. The parts are the head, A, D, the backbone's
    stages and the stem; `network` is copied and never touched. Raises MedDefError for a map the network lacks.
    """
    if key not in available(network):
        raise MedDefError(
            Text(
                "map.model-no-map",
                "This model has no map {key}; choose from {known}.",
                key=repr(key),
                known=", ".join(available(network)),
            )
        )
    original = explain(network, image, target=target, only=[key])[key].grid
    randomised = copy.deepcopy(network)
    generator = torch.Generator(device=image.device).manual_seed(seed)
    rows = []
    for name, part in _parts(randomised):
        for module in part.modules():
            _draw_anew(module, generator)
        found = explain(randomised, image, target=target, only=[key])[key].grid
        rows.append(SanityRow(name, rank_correlation(original, found)))
    return tuple(rows)


def _parts(network: MedDef) -> Iterator[tuple[str, nn.Module]]:
    """The network's parts by name, output to input."""
    yield "head", network.head
    if network.attention is not None:
        yield "attention", network.attention
    for stage in range(STAGES, 0, -1):
        if network.daam is not None and stage == network.config.daam_after:
            yield "daam", network.daam
        yield f"stage{stage}", network.backbone.get_submodule(f"stage{stage}")
    yield "stem", network.backbone.stem


@torch.no_grad()
def _draw_anew(module: nn.Module, generator: torch.Generator) -> None:
    """The module's own weights as they were before training: PyTorch's distributions, from a generator of our own.

    `reset_parameters` would draw from the global generator, which other sessions share.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        bound = 1 / math.sqrt(module.weight[0].numel())
        module.weight.uniform_(-bound, bound, generator=generator)
        if module.bias is not None:
            module.bias.uniform_(-bound, bound, generator=generator)
    elif isinstance(module, nn.BatchNorm2d):
        module.reset_parameters()
