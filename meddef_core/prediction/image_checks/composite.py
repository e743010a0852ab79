"""Is a picture one scan, or a page of several panels? A small convolutional network looks for seams, panels and print.

It sees a picture squashed to 128 x 128 cells, with the strongest step across and down inside each cell beside its grey:
a seam between two panels is one pixel wide and straight, which no border in a body is. It is trained on single scans
under harmless changes against drawn pages (`changes`, `pages`), made of training scans alone.
"""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from meddef_core.scans.scan import Pixels

SIDE = 256
"""Side in pixels of the square that a picture is squashed to; a cell is 2 x 2 of them."""

WIDTH = 16
"""Channels of the first layer."""

CENTRE, SPREAD = (0.3, 0.06, 0.06), (0.3, 0.1, 0.1)
"""What the three channels are normalised by."""


def describe(pixels: Pixels) -> NDArray[np.uint8]:
    """Grey, step across and step down of every cell, `(3, 128, 128)` from 0 to 255, of `(H, W)` in [0, 1].

    Grey runs from the 1st to the 99th percentile, so that exposure matters little.
    """
    shrinks = min(pixels.shape) >= SIDE
    grey = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    low, high = np.quantile(grey, (0.01, 0.99))
    grey = np.clip((grey - low) / max(high - low, 0.05), 0.0, 1.0)
    across = np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    down = np.abs(np.diff(grey, axis=0, append=grey[-1:]))
    cells = [one.reshape(SIDE // 2, 2, SIDE // 2, 2) for one in (grey, across, down)]
    found = np.stack([cells[0].mean(axis=(1, 3)), cells[1].max(axis=(1, 3)), cells[2].max(axis=(1, 3))])
    return np.round(255 * found).astype(np.uint8)


class PageNet(nn.Module):
    """Descriptions `(B, 3, 128, 128)` in [0, 1] to one score each `(B,)`: the log-odds of a page against a scan."""

    def __init__(self) -> None:
        super().__init__()
        sides = (3, WIDTH, 2 * WIDTH, 3 * WIDTH, 4 * WIDTH, 4 * WIDTH)
        self.layers = nn.ModuleList(
            nn.Conv2d(sides[i], sides[i + 1], 5 if i == 0 else 3, stride=2, padding=2 if i == 0 else 1, bias=False)
            for i in range(5)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(side) for side in sides[1:])
        self.out = nn.Linear(2 * sides[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        """Mean and maximum over the picture of the last layer, and a linear score."""
        x = (x - x.new_tensor(CENTRE)[:, None, None]) / x.new_tensor(SPREAD)[:, None, None]
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = F.relu(norm(layer(x)))
        found: Tensor = self.out(torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1))
        return found[:, 0]


def page_score(network: PageNet, pixels: Pixels) -> float:
    """The log-odds that `(H, W)` grey in [0, 1] is a page of panels."""
    x = torch.from_numpy(describe(pixels))[None].float() / 255
    with torch.inference_mode():
        return float(network(x))
