"""Small networks that honestly learned a small task, for the tests of the audit: none of them may be called red."""

from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meddef_core.model import MedDef, MedDefConfig


class Trained(NamedTuple):
    network: nn.Module
    x: Tensor
    y: Tensor
    classes: int


def pictures(n: int, *, classes: int, channels: int, seed: int) -> tuple[Tensor, Tensor]:
    """`(n, channels, 16, 16)` in [0, 1], stored as bytes: faint stripes whose direction is the class, in noise.

    The stripes are so faint that an undefended network falls at 4/255, as on scans.
    """
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % classes
    angle = y * torch.pi / classes + 0.1 * torch.randn(n, generator=generator)
    phase = 2 * torch.pi * torch.rand(n, generator=generator)
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    along = angle.cos().view(-1, 1, 1) * rows + angle.sin().view(-1, 1, 1) * columns
    stripes = 0.5 + 0.03 * torch.sin(1.2 * along + phase.view(-1, 1, 1))
    noise = 0.02 * torch.randn(n, channels, 16, 16, generator=generator)
    return ((stripes[:, None] + noise).clamp(0, 1) * 255).round() / 255, y


def fit(network: nn.Module, *, classes: int, channels: int, eps: float = 0.0, steps: int = 60) -> nn.Module:
    """Train on fresh pictures, on FGSM images of that epsilon if there is one."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps)
    for step in range(steps):
        x, y = pictures(48, classes=classes, channels=channels, seed=1000 + step)
        if eps:
            network.eval()
            x = (x + eps * (2 * torch.rand(x.shape) - 1)).clamp(0, 1).requires_grad_()
            (gradient,) = torch.autograd.grad(F.cross_entropy(network(x), y), x)
            x = (x.detach() + eps * gradient.sign()).clamp(0, 1)
        network.train()
        optimizer.zero_grad()
        F.cross_entropy(network(x), y).backward()
        optimizer.step()
        schedule.step()
    return network.eval().requires_grad_(False)


class Normalise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x - 0.5) / 0.05


def convolutional(*, classes: int, channels: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    return nn.Sequential(
        Normalise(),
        nn.Conv2d(channels, 12, 5, padding=2),
        nn.BatchNorm2d(12),
        activation(),
        nn.Conv2d(12, 16, 3, stride=2, padding=1),
        activation(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, classes),
    )


def windows(*, classes: int, channels: int) -> nn.Sequential:
    """Another kind of network: patches, each put through the same perceptron."""
    return nn.Sequential(
        Normalise(),
        nn.Conv2d(channels, 48, 8, stride=4),
        nn.Tanh(),
        nn.Conv2d(48, 16, 1),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, classes),
    )


SHAPES = {"grey": (4, 1), "robust": (4, 1), "meddef": (4, 1), "colour": (3, 3), "windows": (2, 1)}
"""Classes and channels of each honest network."""


@cache
def honest(name: str) -> Trained:
    """One of `SHAPES`, with 32 pictures it did not see; the same each time."""
    classes, channels = SHAPES[name]
    shape = {"classes": classes, "channels": channels}
    with torch.random.fork_rng():
        torch.manual_seed(len(name))
        network: nn.Module
        if name == "meddef":
            network = MedDef(MedDefConfig(classes=classes, channels=channels, width=8, activation="silu", std=0.05))
        elif name == "windows":
            network = windows(**shape)
        else:
            network = convolutional(**shape, activation=nn.SiLU if name == "colour" else nn.ReLU)
        network = fit(network, **shape, eps=2 / 255 if name == "robust" else 0.0)
    x, y = pictures(32, **shape, seed=5)
    return Trained(network, x, y, classes)
