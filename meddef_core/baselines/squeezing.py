"""Bit-depth reduction: fewer grey levels leave less room for small changes."""

import torch
from torch import Tensor

from meddef_core.baselines.baseline import Baseline
from meddef_core.baselines.defended import Defended, Transform
from meddef_core.errors import ModelError
from meddef_core.text import Text


class BitDepth(Transform):
    """Every value rounded to the nearest of 2 ** `bits` evenly spaced levels, both ends of [0, 1] among them."""

    differentiable = False

    def __init__(self, *, bits: int = 4) -> None:
        super().__init__()
        if not 1 <= bits <= 8:
            raise ModelError(
                Text("baseline.bit-depth-range", "A bit depth must lie between 1 and 8, not {bits}.", bits=bits)
            )
        self.steps = int(2**bits - 1)

    def forward(self, x: Tensor) -> Tensor:
        # Rounding has the gradient 0, not none: without a graph, an attack on it fails aloud and not silently.
        return torch.round(x.detach() * self.steps) / self.steps


BASELINES = (
    Baseline(
        name="bit_depth",
        title=Text("baseline.bit-depth", "Bit-depth reduction"),
        one_line=Text("baseline.rounds-grey", "Rounds every pixel to one of 16 grey levels before the scan is read."),
        citation="Xu, Evans and Qi 2018, Feature squeezing: detecting adversarial examples in deep neural networks, "
        "arXiv:1704.01155 (section 3.2)",
        randomised=False,
        wrap=lambda network: Defended(network, BitDepth()),
    ),
)
