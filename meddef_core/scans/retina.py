"""Where the retina lies in an OCT B-scan, and a frame around it that does not depend on how the scan was exported.

Devices and exports differ in how many rows they keep above and below the retina, in the grey of the vitreous, and in
how bright the brightest layers are. A frame of fixed height in tissue, centred on the retina, with its grey values
stretched between the scan's own background and its own brightest layers, is the same whatever was kept.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

AXIAL_MM = 0.00387
"""Height of a pixel of a Heidelberg Spectralis in tissue, in millimetres: the scale of the training scans."""

FULL_DEPTH = 496
"""Rows of a Spectralis B-scan: 1.92 mm of tissue."""

USUAL_WIDTH = 512
"""Columns of its commonest B-scan."""

LEAST_WIDTH = 400
"""Narrower B-scans were shrunk as a whole: their rows are counted as if they were `USUAL_WIDTH` wide."""

FRAME_ROWS = 352
"""Height of the frame in rows of a Spectralis: 1.36 mm, twice the thickest swollen retina."""

BACKGROUND_PERCENTILE, LAYERS_PERCENTILE = 10.0, 99.7
"""The vitreous, and the brightest layers, as percentiles of the frame."""

LEAST_RANGE = 0.05
"""A range below this holds no layers: stretching it further would only show noise."""

BLACK = 2 / 255
"""Darker pixels were cut away by the export (rounded corners, black margins) and say nothing of the vitreous."""

SMOOTHING_ACROSS, SMOOTHING_DOWN = 10.0, 6.0
"""Standard deviations in pixels: wider than speckle, thinner than the retina."""

BRIGHT = 0.25
"""Share of the way from the median to the largest smoothed grey at which tissue counts as retina."""


@dataclass(frozen=True)
class RetinaFrame:
    """Rows `top` to `bottom` of a scan, of its full width; rows outside the scan are filled with its background."""

    top: int
    bottom: int


def frame_of(pixels: Plane, *, row_mm: float | None = None) -> RetinaFrame:
    """The frame around the retina of a B-scan `(H, W)` in [0, 1].

    `row_mm` is the height of a pixel in tissue where the file tells it. Otherwise the scan is taken to have the scale
    of a Spectralis, unless its size shows that it was shrunk, or that it holds more rows than the full depth has.
    """
    height = max(1, round(FRAME_ROWS * _scale(pixels.shape, row_mm)))
    top = retina_row(pixels) - height // 2
    return RetinaFrame(top, top + height)


def _scale(shape: tuple[int, ...], row_mm: float | None) -> float:
    """Rows of this scan for one row of a Spectralis."""
    rows, columns = shape
    if row_mm is not None:
        return AXIAL_MM / row_mm
    if columns < LEAST_WIDTH:
        return columns / USUAL_WIDTH
    return max(1.0, rows / FULL_DEPTH)


def retina_row(pixels: Plane) -> int:
    """The row that halves the bright tissue of a B-scan `(H, W)`; its middle row where nothing is bright."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), sigmaX=SMOOTHING_ACROSS, sigmaY=SMOOTHING_DOWN)
    middle = float(np.median(smooth))
    bright = np.clip(smooth - (middle + BRIGHT * (float(smooth.max()) - middle)), 0, None).sum(axis=1)
    if not bright.sum() > 0:
        return len(pixels) // 2
    return int(np.searchsorted(bright.cumsum(), bright.sum() / 2))


def framed(pixels: Plane, frame: RetinaFrame) -> Plane:
    """The frame's rows of a B-scan, grey values stretched; `(frame height, W)` in [0, 1]."""
    first, last = max(0, frame.top), min(len(pixels), frame.bottom)
    inside = stretched(pixels[first:last])
    background = np.percentile(inside, BACKGROUND_PERCENTILE)
    out = np.full((frame.bottom - frame.top, pixels.shape[1]), background, dtype=np.float32)
    out[first - frame.top : last - frame.top] = inside
    return out


def stretched(pixels: Plane) -> Plane:
    """Grey values between the background (0) and the brightest layers (1) of `(H, W)`."""
    seen = pixels[pixels > BLACK]
    if not seen.size:
        return pixels
    low, high = np.percentile(seen, [BACKGROUND_PERCENTILE, LAYERS_PERCENTILE])
    grey: Plane = np.clip((pixels - low) / max(high - low, LEAST_RANGE), 0.0, 1.0).astype(np.float32)
    return grey
