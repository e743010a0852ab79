"""From a scan of any size to the 224 x 224 picture a network reads.

One path serves training, upload and evaluation, and its settings are part of each model's card.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 224
"""Side of the model input in pixels (paper, section on preprocessing)."""

WHITE = 250 / 255
"""Border-connected pixels at least this bright are padding left by image registration, not tissue."""

MIN_BORDER_AREA = 16
"""Smaller bright patches at the edge, in pixels, are layers running out of the picture and stay."""

FRINGE = 3
"""Pixels around a filled patch that JPEG has smeared with its white."""

DARK_PERCENTILE = 10
"""Padding becomes as dark as this percentile of the rest: the vitreous, in an OCT B-scan."""


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Geometry of one task's scans.

    `crop="centre"` cuts the largest centred square; `"none"` keeps the frame and squashes it, as the 224-pixel
    copies of the chest data are made. `fill_border` darkens white padding connected to the border, which otherwise
    tells the device's registration, not the retina.
    """

    crop: Literal["none", "centre"] = "none"
    fill_border: bool = False
    size: int = SIZE

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Grey `(H, W)` in [0, 1] to `(1, size, size)` in [0, 1]."""
        if self.crop == "centre":
            pixels = centre_square(pixels)
        if self.fill_border:
            pixels = fill_white_border(pixels)
        return resize(pixels, self.size)[None]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a card stores them."""
        return asdict(self)


def centre_square(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest centred square of `(H, W)`: wide B-scans would tell their class by their width if squashed."""
    side = min(pixels.shape)
    top, left = ((length - side) // 2 for length in pixels.shape)
    return pixels[top : top + side, left : left + side]


def fill_white_border(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Replace white patches that touch the border by a dark value; `(H, W)` in and out."""
    white = (pixels >= WHITE).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(white, connectivity=8)
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    padding = [label for label in edge if label and stats[label, cv2.CC_STAT_AREA] >= MIN_BORDER_AREA]
    if not padding:
        return pixels
    mask = np.isin(labels, padding).astype(np.uint8)
    mask = cv2.dilate(mask, np.ones((2 * FRINGE + 1, 2 * FRINGE + 1), np.uint8)).astype(bool)
    if mask.all():
        return pixels
    filled = pixels.copy()
    filled[mask] = np.percentile(pixels[~mask], DARK_PERCENTILE)
    return filled


def resize(pixels: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Anti-aliased bilinear `(H, W) -> (size, size)`.

    Of Pillow's and OpenCV's filters this one reproduces the 224-pixel copies of the chest data best.
    """
    if pixels.shape == (size, size):
        return pixels.astype(np.float32)
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    return np.clip(np.asarray(image.resize((size, size), Image.Resampling.BILINEAR)), 0.0, 1.0).astype(np.float32)
