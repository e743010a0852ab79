"""Small networks and images to explain, all seeded."""

import torch
from torch import Tensor

from meddef_core.model import VARIANTS, MedDef, MedDefConfig


def network_of(variant: str = "full", *, activation: str = "silu", seed: int = 0) -> MedDef:
    torch.manual_seed(seed)
    config = MedDefConfig(classes=4, width=8, activation=activation, **VARIANTS[variant])
    return MedDef(config).eval().requires_grad_(False)


def image_of(seed: int = 0) -> Tensor:
    return torch.rand(1, 1, 224, 224, generator=torch.Generator().manual_seed(seed))
