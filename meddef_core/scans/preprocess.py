"""From a scan of any size to the 224 x 224 picture a network reads.

One path serves training, upload and evaluation, and its settings are part of each model's card.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from meddef_core.scans.retina import frame_of, framed

Crop = Literal["none", "centre", "retina"]

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


class Box(NamedTuple):
    """Rows `top` to `bottom` and columns `left` to `right`, in pixels; rows outside the scan are padding."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Geometry and contrast of one task's scans.

    `crop="centre"` cuts the largest centred square; `"none"` keeps the whole scan and squashes it, as the 224-pixel
    copies of the chest data are made; `"retina"` frames the retina of a B-scan at its physical height, keeps the full
    width, and stretches the grey values between background and brightest layers (see `retina`). `fill_border` darkens
    white padding connected to the border, which otherwise tells the device's registration, not the retina.
    """

    crop: Crop = "none"
    fill_border: bool = False
    size: int = SIZE
    width: int | None = None
    """Columns of the result, where they are not `size`: training cuts its own windows out of a wider picture."""

    def __call__(self, pixels: NDArray[np.float32], *, row_mm: float | None = None) -> NDArray[np.float32]:
        """Grey `(H, W)` in [0, 1] to `(1, size, width)` in [0, 1]; `row_mm` is the height of a pixel, if known."""
        if self.crop == "retina":
            filled = fill_white_border(pixels) if self.fill_border else pixels
            return resize(framed(filled, frame_of(filled, row_mm=row_mm)), self.size, width=self.width)[None]
        if self.crop == "centre":
            pixels = centre_square(pixels)
        if self.fill_border:
            pixels = fill_white_border(pixels)
        return resize(pixels, self.size, width=self.width)[None]

    def seen(self, pixels: NDArray[np.float32], *, row_mm: float | None = None) -> Box:
        """The part of `(H, W)` that the model sees, in the scan's own pixels."""
        height, width = pixels.shape
        if self.crop == "retina":
            frame = frame_of(fill_white_border(pixels) if self.fill_border else pixels, row_mm=row_mm)
            return Box(frame.top, frame.bottom, 0, width)
        if self.crop == "centre":
            side = min(height, width)
            top, left = (height - side) // 2, (width - side) // 2
            return Box(top, top + side, left, left + side)
        return Box(0, height, 0, width)

    def carry(self, plane: NDArray[np.float32], *, of: NDArray[np.float32]) -> NDArray[np.float32]:
        """Geometry alone: what lies over the scan `of` (both `(H, W)`), such as a lesion's mask, to `(size, width)`."""
        box = self.seen(of)
        first, last = max(0, box.top), min(len(plane), box.bottom)
        out = np.zeros((box.bottom - box.top, box.right - box.left), dtype=np.float32)
        out[first - box.top : last - box.top] = plane[first:last, box.left : box.right]
        return resize(out, self.size, width=self.width)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a card stores them; `width` only where it is set, which no model's card does."""
        return {key: value for key, value in asdict(self).items() if key != "width" or value is not None}


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


def resize(pixels: NDArray[np.float32], size: int, *, width: int | None = None) -> NDArray[np.float32]:
    """Anti-aliased bilinear `(H, W) -> (size, width)`, a square where no width is given.

    Of Pillow's and OpenCV's filters this one reproduces the 224-pixel copies of the chest data best.
    """
    columns = width or size
    if pixels.shape == (size, columns):
        return pixels.astype(np.float32)
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    resized = np.asarray(image.resize((columns, size), Image.Resampling.BILINEAR))
    clipped: NDArray[np.float32] = np.clip(resized, 0.0, 1.0).astype(np.float32)
    return clipped
