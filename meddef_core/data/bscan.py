"""Draws a retinal OCT B-scan from the course of its layers.

Brightness and noise were set by eye and by numbers against macular B-scans of a Heidelberg Spectralis: mean profile
along the depth, spread of the noise in vitreous, tissue and below the choroid, and its correlation between neighbours.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 496
"""Height and width in pixels: the depth of a Spectralis scan, and the centre square of its width."""

Course = npt.NDArray[np.float64]
"""A height in pixels from the top, one for each column."""
Plane = npt.NDArray[np.float64]
"""(SIDE, SIDE), grey from 0 to 255 or a factor."""
Mask = npt.NDArray[np.bool_]

VITREOUS, FLUID, DEEP = 28.0, 22.0, 13.0
"""Mean grey of what hardly reflects: vitreous body, fluid in the retina, and all below the choroid."""

_INNER_LAYERS = ((0.34, 104.0), (0.24, 92.0), (0.24, 63.0), (0.18, 92.0))
"""Ganglion cells, inner plexiform, inner nuclear, outer plexiform layer: share of the inner retina, and grey."""

_OUTER_LAYERS = ((-22, -20, 92.0), (-20, -15, 68.0), (-15, -11, 178.0), (-11, -6, 88.0), (-6, 5, 196.0))
"""Limiting membrane, inner segments, ellipsoid line, outer segments, pigment epithelium: first and last row below the
top of the pigment epithelium, and grey."""

_NUCLEI = 56.0
"""Grey of the outer nuclear layer, which fills the rest."""


@dataclass(frozen=True)
class Layers:
    """The courses that shape one retina, top to bottom."""

    surface: Course
    """Inner limiting membrane: vitreous above, nerve fibres below."""
    outer: Course
    """Where the inner layers end and the outer nuclear layer begins."""
    pigment: Course
    """Top of the retinal pigment epithelium, lifted where something lies beneath it."""
    base: Course
    """Bruch's membrane, the top of the choroid: five pixels under `pigment` unless something lies between them."""
    nerve_fibres: Course
    """Thickness of the bright nerve fibre layer under the surface."""


def rows() -> Plane:
    """The row number of every pixel, broadcastable to (SIDE, SIDE)."""
    return np.arange(SIDE, dtype=np.float64)[:, None]


def between(top: Course, bottom: Course) -> Mask:
    """The pixels from `top` to `bottom`, column by column."""
    return (rows() >= top) & (rows() < bottom)


def blob(rng: np.random.Generator, column: float, row: float, *, across: float, deep: float) -> Mask:
    """A wobbly ellipse around (column, row) with half-axes `across` and `deep` in pixels."""
    angle = np.linspace(0.0, 2 * np.pi, 90)
    edge = 1.0 + sum(rng.uniform(-0.1, 0.1) * np.cos(k * angle + rng.uniform(0, 6)) for k in (2, 3, 4))
    outline = np.stack([column + across * edge * np.cos(angle), row + deep * edge * np.sin(angle)], axis=1)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
    return mask.astype(bool)


def grown(mask: Mask, *, by: int) -> Mask:
    """`mask` and the pixels up to `by` away from it."""
    out: Mask = cv2.dilate(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)).astype(bool)
    return out


def texture(rng: np.random.Generator, *, along: float, deep: float) -> Plane:
    """Smooth Gaussian noise of mean 0 and spread 1; `along` and `deep` are its grain in pixels."""
    noise = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)), (0, 0), sigmaX=along, sigmaY=deep)
    spread: Plane = (noise - noise.mean()) / noise.std()
    return spread


def reflectivity(layers: Layers, rng: np.random.Generator) -> Plane:
    """Mean grey of every pixel before shadows, blur and speckle."""
    grey = np.full((SIDE, SIDE), VITREOUS)
    inner = layers.outer - layers.surface
    top = layers.surface
    for share, level in _INNER_LAYERS:
        bottom = top + share * inner
        grey[between(top, bottom)] = level
        top = bottom
    fibres = between(layers.surface, layers.surface + layers.nerve_fibres)
    grey[fibres] = (150.0 + 22.0 * texture(rng, along=24.0, deep=24.0))[fibres]
    grey[between(layers.outer, layers.pigment)] = _NUCLEI
    for first, last, level in _OUTER_LAYERS:
        grey[between(np.maximum(layers.pigment + first, layers.outer), layers.pigment + last)] = level
    _paint_choroid(grey, layers, rng)
    return grey


def _paint_choroid(grey: Plane, layers: Layers, rng: np.random.Generator) -> None:
    """Bright and grained under Bruch's membrane, with the round cuts of vessels, fading with depth."""
    depth = rows() - layers.base
    fade = DEEP + 84.0 * np.exp(-np.clip(depth, 0, None) / 42.0)
    vessels = np.tanh(1.5 * texture(rng, along=7.0, deep=5.0)) * np.exp(-(((depth - 42.0) / 26.0) ** 2))
    dots = np.clip(texture(rng, along=2.6, deep=2.2) - 0.7, 0, None) * np.exp(-(((depth - 20.0) / 14.0) ** 2))
    choroid = fade * (1.0 + 0.34 * vessels + 0.42 * dots)
    grey[depth >= 0] = choroid[depth >= 0]


def shadowed(grey: Plane, layers: Layers, rng: np.random.Generator) -> Plane:
    """Darken thin columns below retinal vessels, as their blood does."""
    factor = np.ones(SIDE)
    columns = np.arange(SIDE)
    for centre in rng.uniform(0, SIDE, size=rng.integers(2, 6)):
        factor -= rng.uniform(0.12, 0.35) * np.exp(-(((columns - centre) / rng.uniform(1.5, 3.5)) ** 2))
    below = rows() > layers.surface + 14
    return np.where(below, grey * factor, grey)


def speckled(grey: Plane, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Blur by the beam, add speckle, round to 8 bits: float32 in [0, 1]."""
    mean = cv2.GaussianBlur(grey, (0, 0), sigmaX=1.1, sigmaY=0.8)
    # In tissue the grain follows the layers and is nearly normal. Where nothing reflects, what remains is the
    # logarithm of receiver noise, with its long dark tail (a Gumbel distribution).
    tissue = texture(rng, along=1.0, deep=0.8)
    # SciPy takes a third of the time that a process needs to start reading scans.
    from scipy.special import ndtr

    receiver = np.log(-np.log(np.clip(ndtr(-texture(rng, along=0.6, deep=0.8)), 1e-12, 1 - 1e-12))) + np.euler_gamma
    dark = 1.0 / (1.0 + np.exp((mean - 42.0) / 6.0))
    streaks = 1.0 + 0.06 * texture(rng, along=5.0, deep=1.2)
    noise = (1.0 - dark) * (2.0 + 0.085 * mean) * tissue + dark * 0.47 * mean * receiver
    pixels: npt.NDArray[np.float32] = (np.clip(np.rint(mean * streaks + noise), 0, 255) / 255).astype(np.float32)
    return pixels
