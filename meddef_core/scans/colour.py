"""How a picture is coloured: grey as these modalities are, tinted, marked in colour, or in false colours.

Grey is made from colour by luminance. That undoes a tint; of a false-colour map (jet, hot, viridis) it makes other grey
levels than the scan had, often not even in their order, so such a picture must not be predicted.
"""

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from meddef_core.text import Text

Colouring = Literal["grey", "tinted", "marked", "false"]

LONGEST = 128
"""The picture is averaged to this longest side: the colour noise of JPEG averages out, a caliper does not."""

DIM, WHITE = 0.2, 0.95
"""Darker places hold more of JPEG's colour noise than of colours; most maps end in white, and scans have white borders.
"""

TINT = 0.03
"""Colour (largest less smallest channel, in parts of the largest, over places neither dim nor white) to remark on."""

FALSE = 0.25
"""Above this the colours are no tint of a film or a screen."""

BENT, BENT_TINT = 0.037, 0.12
"""A tint is one colour in all brightnesses. Where a tint of `BENT_TINT` and more strays from that by `BENT` (in parts
of the brightness), it is a map such as bone: sepia and blue-base film as JPEG of quality 50 stay below 0.034.
"""

STRONG, LEAST = 0.35, 0.12
"""A place is coloured when its colour is this part of its brightness, and this much in itself."""

MARKS = 0.0004
"""Share of coloured places from which a picture counts as marked, such as by a caliper or a word."""

COLOURED = 0.1
"""Share of coloured places above which they are no marks: a colour photograph or a map beside the scan."""

NOTES: dict[Colouring, str] = {
    "tinted": Text("scan.picture-colour", "The picture has a colour tint; its luminance is used."),
    "marked": Text(
        "scan.picture-coloured", "The picture has coloured marks; they are part of the scan as the model sees it."
    ),
    "false": Text(
        "scan.picture-false", "The picture is in false colours; their luminance is not the grey scale of the scan."
    ),
}
"""What is said of each; nothing of grey."""


def _smaller(rgb: npt.NDArray[np.uint8], factor: float) -> npt.NDArray[np.uint8]:
    height, width = (max(1, round(side * factor)) for side in rgb.shape[:2])  # a line stays one pixel wide
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def colouring(rgb: npt.NDArray[np.uint8]) -> Colouring:
    """How a picture `(H, W, 3)` of 8-bit red, green and blue is coloured."""
    factor = LONGEST / max(rgb.shape[:2])
    small = rgb if factor >= 1 else _smaller(rgb, factor)
    channels = (small / 255).astype(np.float32)
    brightest = channels.max(axis=2)
    colour = brightest - channels.min(axis=2)
    coloured = float((colour > np.maximum(STRONG * brightest, LEAST)).mean())
    overall, bend = _tint(channels)
    if overall >= FALSE or coloured >= COLOURED or (overall >= BENT_TINT and bend >= BENT):
        return "false"
    if coloured >= MARKS:
        return "marked"
    return "tinted" if overall >= TINT else "grey"


def _tint(channels: npt.NDArray[np.float32]) -> tuple[float, float]:
    """How strong the colour is over all, and how far it strays from one colour; both in parts of the brightness."""
    brightest = channels.max(axis=2)
    places = (brightest > DIM) & (brightest < WHITE)
    if not places.any():
        places = (brightest > 0) & (brightest < WHITE)
    shown, bright = channels[places], brightest[places]
    total = max(float(bright.sum()), 1e-6)
    tint = (shown * bright[:, None]).sum(axis=0) / max(float((bright**2).sum()), 1e-6)
    bend = np.abs(shown - tint * bright[:, None]).max(axis=1, initial=0.0)
    return float((bright - shown.min(axis=1, initial=1.0)).sum()) / total, float(bend.sum()) / total
