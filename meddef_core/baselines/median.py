"""Median filter: each pixel becomes the median of its neighbourhood, which removes isolated changes.

In no registry: it is a preprocessing that students try, and no baseline that was measured on a test set.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from meddef_core.baselines.defended import Transform, through_bytes
from meddef_core.errors import ModelError
from meddef_core.text import Text

SIZES = (1, 3, 5, 7)
"""Edges of the neighbourhood, in pixels; 1 changes nothing beyond the rounding to bytes."""


class MedianFilter(Transform):
    """Every channel filtered for itself (Xu, Evans and Qi 2018, arXiv:1704.01155, section 3.3)."""

    differentiable = False

    def __init__(self, *, size: int = 3) -> None:
        super().__init__()
        if size not in SIZES:
            raise ModelError(
                Text(
                    "baseline.median-size",
                    "The size of a median filter is one of {known}, not {size}.",
                    known=", ".join(map(str, SIZES)),
                    size=size,
                )
            )
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return through_bytes(x, self._filter)

    def _filter(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        channels = [cv2.medianBlur(np.ascontiguousarray(image[..., c]), self.size) for c in range(image.shape[2])]
        return np.stack(channels, axis=-1)
