"""A constant a class on the logits, held by the bias of the last layer."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from meddef_core.model.meddef import MedDef


@torch.no_grad()
def add_offsets(network: MedDef, offsets: Sequence[float]) -> None:
    """Add a constant a class to the bias of the last layer, in place."""
    last = network.head if isinstance(network.head, nn.Linear) else cast("nn.Sequential", network.head)[-1]
    bias = cast("nn.Linear", last).bias
    bias.add_(torch.tensor(offsets, dtype=bias.dtype, device=bias.device))
