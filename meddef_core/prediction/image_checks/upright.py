"""Is a scan upright and in its own grey scale? A picture is compared with its own turned, flipped and negative copies.

One linear score says how much a picture looks like an upright scan. It is taken of the picture as it is and of its
seven copies, and whichever scores highest is the upright one. What is unusual about a scan (another scanner, a finding,
an attack) is the same in all eight and cancels out. The weights maximise the likelihood of the right copy
(McFadden 1974, Conditional logit analysis) on training scans and changed copies of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from meddef_core.errors import DataError
from meddef_core.prediction.gaussian import Array
from meddef_core.scans.preprocess import fill_white_border
from meddef_core.scans.scan import Pixels
from meddef_core.text import Text

SIDE = 128
"""Side in pixels of the square that a picture is squashed to."""

COPIES = (
    "upright",
    "upside down",
    "turned clockwise",
    "turned anticlockwise",
    "inverted",
    "inverted and upside down",
    "inverted and turned clockwise",
    "inverted and turned anticlockwise",
)
"""How a picture lies if the copy of that number is the upright one. A mirror image counts as upright: it cannot be told
from the other eye, or from organs that lie the other way round.
"""

CELLS = 16
"""Side of the thumbnail in cells."""

SCALES = ((64, 8), (32, 8), (16, 4))
"""Sides at which edges are measured, and into how many bands of rows each is divided."""

DIRECTIONS = 6
"""Bins of an edge's direction, from dark above to dark below; left and right count as one."""

QUANTILES = 13

CLEAR = 1.0
"""Lead of the best copy over the next from which it is believed. Of noise, textures and blank sheets hardly one has it;
of scans nearly all do.
"""

PENALTY = 0.01
"""Ridge penalty on the weights of standardised numbers: smaller ones fit the training scanner more than the anatomy."""


@dataclass(frozen=True, eq=False)
class Upright:
    """One weight for each number of a description `(d,)`."""

    weights: Array

    def scores(self, pixels: Pixels, *, fill_border: bool) -> Array:
        """`(8,)`: how upright each copy of `(H, W)` grey in [0, 1] looks, in the order of `COPIES`."""
        return np.asarray(describe(pixels, fill_border=fill_border) @ self.weights)


def describe(pixels: Pixels, *, fill_border: bool) -> Array:
    """The description of each of the eight copies of a picture `(H, W)`: `(8, d)`."""
    return np.stack([_describe_one(copy, fill_border=fill_border) for copy in _copies(pixels)])


def fit_upright(descriptions: Array) -> Upright:
    """Fit to descriptions `(n, 8, d)` of upright scans; raises DataError for none."""
    if not len(descriptions):
        raise DataError(
            Text(
                "prediction.upright-scans",
                "There is no scan to learn from which way up a scan is; give training scans.",
            )
        )
    flat = descriptions.reshape(-1, descriptions.shape[2])
    spread = flat.std(axis=0) + 1e-6
    beside = (descriptions - descriptions[:, :1]) / spread

    def loss(weights: Array) -> tuple[float, Array]:
        scores = beside @ weights
        top = scores.max(axis=1, keepdims=True)
        shares = np.exp(scores - top)
        total = shares.sum(axis=1, keepdims=True)
        value = float((np.log(total) + top).mean()) + PENALTY * float(weights @ weights) / 2
        slope = np.einsum("nk,nkd->d", shares / total, beside, optimize=True) / len(beside) + PENALTY * weights
        return value, slope

    found = minimize(loss, np.zeros(flat.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 400})
    return Upright(np.asarray(found.x) / spread)


def _copies(pixels: Pixels) -> Iterator[Pixels]:
    small = np.asarray(cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    for grey in (small, 1.0 - small):
        # Turning anticlockwise puts a picture right that was turned clockwise.
        for copy in (grey, grey[::-1], np.rot90(grey), np.rot90(grey, -1)):
            yield np.ascontiguousarray(copy)


def _describe_one(grey: Pixels, *, fill_border: bool) -> Array:
    """A thumbnail, edges by place and direction, and grey levels; the same for a picture and its mirror image."""
    if fill_border:
        grey = fill_white_border(grey)
    grey = np.clip((grey - grey.mean()) / (grey.std() + 1e-3), -3.0, 3.0)
    cells = cv2.resize(grey, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    folded = (cells[:, : CELLS // 2] + cells[:, : CELLS // 2 - 1 : -1]) / 2
    edges = []
    for side, bands in SCALES:
        small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
        edges.append(_edges(np.asarray(small, dtype=np.float32), bands))
    return np.concatenate([folded.ravel(), *edges, np.quantile(grey, np.linspace(0.02, 0.98, QUANTILES))])


def _edges(grey: NDArray[np.float32], bands: int) -> Array:
    """Share of edge strength by band of rows, middle or side, and direction; and how far steps down and up differ."""
    down = grey[2:, 1:-1] - grey[:-2, 1:-1]
    across = np.abs(grey[1:-1, 2:] - grey[1:-1, :-2])
    length, angle = np.hypot(down, across), np.arctan2(down, across + 1e-9)
    height, width = length.shape
    way = np.minimum((angle / np.pi + 0.5) * DIRECTIONS, DIRECTIONS - 1).astype(np.int64)
    band = (np.arange(height) * bands // height)[:, None]
    off = np.abs(np.arange(width) - (width - 1) / 2)[None] >= width / 4
    place = (2 * band + off) * DIRECTIONS + way
    strength = np.bincount(place.ravel(), length.ravel(), minlength=2 * bands * DIRECTIONS)
    skew = (down**3).mean() / (np.sqrt((down**2).mean()) + 1e-6) ** 3
    return np.append(np.sqrt(strength / (length.sum() + 1e-6)), skew)


def lies(scores: Array) -> str:
    """How the picture of these scores `(8,)` lies, one of `COPIES`: the first unless another leads clearly."""
    order = np.argsort(scores)
    clear = scores[order[-1]] - scores[order[-2]] >= CLEAR
    return COPIES[int(order[-1])] if clear else COPIES[0]


def laid(pixels: Pixels, way: str) -> Pixels:
    """An upright scan `(H, W)` as it lies by one of `COPIES`."""
    grey = np.float32(1) - pixels if way.startswith("inverted") else pixels
    if way.endswith("upside down"):
        grey = grey[::-1]
    elif way.endswith("anticlockwise"):
        grey = np.rot90(grey)
    elif way.endswith("clockwise"):
        grey = np.rot90(grey, -1)
    return np.ascontiguousarray(grey)


def righted(pixels: Pixels, way: str) -> Pixels:
    """A scan that lies by one of `COPIES`, put upright and in its own grey scale."""
    back = {"turned clockwise": "turned anticlockwise", "turned anticlockwise": "turned clockwise"}
    for turned, other in back.items():
        if way.endswith(turned):
            return laid(pixels, way.removesuffix(turned) + other)
    return laid(pixels, way)
