"""A faster copy of a network for work that asks it thousands of times: the same function, fewer operations."""

import copy
import itertools
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from meddef_core.model.backbone import BasicBlock
from meddef_core.model.meddef import MedDef

Network = TypeVar("Network", bound=nn.Module)


def folded(network: Network) -> Network:
    """A frozen copy in eval mode whose batch norms are folded into the convolutions before them, channels last.

    In eval mode a batch norm is a fixed scale and shift, so logits and input gradients are those of `network` up to
    fp32 rounding; a gradient costs a fifth to a third less. Only the pairs MedDef is built of are folded; any other
    module is copied as it is. `network` stays as it was.
    """
    fast = copy.deepcopy(network).eval()
    if isinstance(fast, MedDef):
        for module in list(fast.modules()):
            if isinstance(module, BasicBlock):
                _fold(module, "conv1", "bn1")
                _fold(module, "conv2", "bn2")
            elif isinstance(module, nn.Sequential):
                names = list(module._modules)
                for first, second in itertools.pairwise(names):
                    _fold(module, first, second)
    return fast.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def _fold(parent: nn.Module, conv: str, norm: str) -> None:
    first, second = getattr(parent, conv), getattr(parent, norm)
    if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
        setattr(parent, conv, fuse_conv_bn_eval(first, second))
        setattr(parent, norm, nn.Identity())
