"""What is measured of a picture to tell whether it is such a scan at all: `(B, C, 224, 224)` in, arrays out."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from meddef_core.model import MedDef

STATISTICS = ("edges", "grey levels", "layout", "early features", "middle features", "later features")
"""Names, in a fixed order; the words of a refusal are made of them."""

STAGES = {"early features": 1, "middle features": 2, "later features": 3}
"""Stages of the backbone that are looked at. What the deepest keeps is what its classes need, and tells less."""

LAYOUT_CELL = 8
"""Side of a cell of the layout in pixels: 28 x 28 cells."""

LEVELS = 17
"""Quantiles of the grey levels."""

SCALES = 4
"""Halvings of the picture that edges are measured at."""

BATCH = 64


def describe(network: MedDef, images: Tensor) -> dict[str, NDArray[np.float64]]:
    """Every statistic of images `(B, C, H, W)` in [0, 1], `(B, d)` each, batch by batch."""
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in STATISTICS}
    with torch.inference_mode():
        for batch in images.split(BATCH):
            for name, values in (_of_picture(batch[:, :1]) | _of_network(network, batch)).items():
                parts[name].append(values.double().cpu().numpy())
    return {name: np.concatenate(found) for name, found in parts.items()}


def _of_picture(grey: Tensor) -> dict[str, Tensor]:
    shares = torch.linspace(0.02, 0.98, LEVELS, device=grey.device)
    return {
        "edges": _edges(grey),
        "grey levels": torch.quantile(grey.flatten(1), shares, dim=1).T,
        "layout": F.avg_pool2d(grey, LAYOUT_CELL).flatten(1),
    }


def _edges(grey: Tensor) -> Tensor:
    """At each scale, how strong edges are (mean, largest, median, in logarithms) and which way they run.

    The direction is the mean of exp(2ia) and exp(4ia) over gradients of angle a, weighted by their length.
    """
    found = []
    for _ in range(SCALES):
        down = grey[:, 0, 2:, 1:-1] - grey[:, 0, :-2, 1:-1]
        across = grey[:, 0, 1:-1, 2:] - grey[:, 0, 1:-1, :-2]
        length, angle = torch.hypot(down, across).flatten(1) + 1e-9, torch.atan2(down, across).flatten(1)
        mean = length.mean(dim=1)
        found += [(mean + 1e-3).log(), (length.amax(dim=1) + 1e-2).log(), (length.median(dim=1).values + 1e-3).log()]
        for turns in (2, 4):
            found += [(length * wave(turns * angle)).mean(dim=1) / mean for wave in (torch.cos, torch.sin)]
        grey = F.avg_pool2d(grey, 2)
    return torch.stack(found, dim=1)


def _of_network(network: MedDef, images: Tensor) -> dict[str, Tensor]:
    """Mean and spread over the picture of every channel. Stages are called one by one: hooks on a network that threads
    share would hear each other's pictures.
    """
    x = (images - network.config.mean) / network.config.std
    if network.config.pool > 1:
        x = F.avg_pool2d(x, network.config.pool)
    x = network.backbone.stem(x)
    found = {}
    for name, stage in STAGES.items():
        x = network.backbone.get_submodule(f"stage{stage}")(x)
        found[name] = torch.cat([x.mean(dim=(2, 3)), x.std(dim=(2, 3))], dim=1)
    return found
