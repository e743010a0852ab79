"""Smoothing filters: median, Gaussian and non-local means, three of the squeezers of Xu et al. 2018."""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from meddef_core.baselines.baseline import Baseline
from meddef_core.baselines.defended import Defended, Transform, through_bytes
from meddef_core.text import Text


class Median(Transform):
    """The median of every pixel's 3 x 3 neighbourhood; borders repeat the edge.

    Its own gradient goes to the one pixel that is the median.
    """

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
        windows = [padded[..., i : i + height, j : j + width] for i in range(3) for j in range(3)]
        return torch.stack(windows).median(dim=0).values


class GaussianBlur(Transform):
    """Convolution with a Gaussian of `sigma` pixels, cut off at three of them; borders repeat the edge."""

    def __init__(self, *, sigma: float = 1.0) -> None:
        super().__init__()
        self.radius = max(1, round(3 * sigma))
        offsets = torch.arange(-self.radius, self.radius + 1, dtype=torch.float64)
        weights = (-(offsets**2) / (2 * sigma**2)).exp()
        self.weights: Tensor
        self.register_buffer("weights", weights / weights.sum(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.weights.to(x.dtype)
        planes = F.pad(x, [self.radius] * 4, mode="replicate").flatten(0, 1)[:, None]
        rows = F.conv2d(planes, weights.view(1, 1, -1, 1))
        # A weighted mean; the clamp only takes off what rounding may add to 1.
        return F.conv2d(rows, weights.view(1, 1, 1, -1)).view_as(x).clamp(0, 1)


class NonLocalMeans(Transform):
    """Averages over patches that look alike, on bytes: 11-pixel search, 3-pixel patches, strength 4.

    The values are Xu et al.'s ("non-local smoothing (11-3-4)"); each channel is filtered by itself.
    """

    differentiable = False

    def __init__(self, *, strength: float = 4.0, patch: int = 3, search: int = 11) -> None:
        super().__init__()
        self.strength, self.patch, self.search = strength, patch, search

    def forward(self, x: Tensor) -> Tensor:
        return through_bytes(x, self._filter)

    def _filter(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        channels = [
            cv2.fastNlMeansDenoising(np.ascontiguousarray(channel), None, self.strength, self.patch, self.search)
            for channel in np.moveaxis(image, -1, 0)
        ]
        return np.stack(channels, axis=-1).astype(np.uint8)


_XU = "Xu, Evans and Qi 2018, Feature squeezing: detecting adversarial examples in deep neural networks"

BASELINES = (
    Baseline(
        name="median",
        title=Text("robustness.median-filter", "Median filter"),
        one_line=Text(
            "baseline.median-replaces",
            "Replaces every pixel by the median of its 3 x 3 neighbourhood before the scan is read.",
        ),
        citation=f"{_XU}, arXiv:1704.01155 (section 3.3, local smoothing)",
        randomised=False,
        wrap=lambda network: Defended(network, Median()),
    ),
    Baseline(
        name="gaussian",
        title=Text("baseline.gaussian-smoothing", "Gaussian smoothing"),
        one_line=Text(
            "baseline.blurs-little", "Blurs every scan a little, by a Gaussian of one pixel, before it is read."
        ),
        citation=f"{_XU}, arXiv:1704.01155 (section 3.3, local smoothing)",
        randomised=False,
        wrap=lambda network: Defended(network, GaussianBlur()),
    ),
    Baseline(
        name="nl_means",
        title=Text("baseline.non-local", "Non-local means"),
        one_line=Text(
            "baseline.averages-patches",
            "Averages patches of the scan that look alike, which removes noise and keeps edges.",
        ),
        citation=f"{_XU}, arXiv:1704.01155 (section 3.3, non-local smoothing)",
        randomised=False,
        wrap=lambda network: Defended(network, NonLocalMeans()),
    ),
)
