"""Draws a frontal chest film of a child from a few smooth shapes, with or without consolidated lung.

Brightness was set against the chest test list: dark surround, lungs at 0.35 to 0.5, spine and abdomen at 0.7 to 0.8.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 512
"""Height and width in pixels."""

Plane = npt.NDArray[np.float64]
"""(SIDE, SIDE), a share or a grey value in [0, 1]."""
Mask = npt.NDArray[np.bool_]

_DOWN, _ACROSS = np.mgrid[0:SIDE, 0:SIDE] / SIDE

SHARPENING = 2.5
"""Weight of the unsharp mask: edges of ribs and vessels are as crisp as in the chest test list."""

RIBS = 9
"""Pairs of ribs that show above the diaphragm."""


@dataclass(frozen=True, eq=False)
class Chest:
    """One chest before anything is wrong with it."""

    grey: Plane
    lungs: Plane
    """1 inside either lung, 0 outside, soft at the border."""
    middle: float
    """The column of the spine, as a share of the width."""


def healthy(rng: np.random.Generator) -> Chest:
    """A chest with clear lungs: surround, body, lungs, heart and spine, diaphragm, ribs, collar bones."""
    middle = 0.5 + rng.uniform(-0.03, 0.03)
    aside = np.abs(_ACROSS - middle)
    cage = rng.uniform(0.32, 0.37) * np.sqrt(np.clip(1.0 - ((_DOWN - 0.75) / 0.72) ** 2, 0.0, 1.0))
    dome = rng.uniform(0.79, 0.85) - 0.11 * np.exp(-(((aside - 0.17) / 0.13) ** 2))
    heart = _heart(rng, middle)
    body = _soft(0.43 + 0.03 * np.cos(6.0 * _DOWN + rng.uniform(0, 6)) - aside, 0.012)
    lungs = _soft(cage - aside, 0.010) * _soft(aside - 0.058, 0.010) * _soft(dome - _DOWN, 0.008)
    lungs *= _soft(_DOWN - 0.10, 0.012) * (1.0 - heart)

    grey = 0.30 + 0.24 * np.sqrt(np.clip(1.0 - (aside / 0.46) ** 2, 0.0, 1.0))
    grey += 0.20 * _soft(_DOWN - dome, 0.02) * _soft(cage + 0.03 - aside, 0.03)
    grey += 0.17 * np.maximum(heart, _soft(0.062 - aside, 0.012))
    grey += _spine(aside)
    grey -= rng.uniform(0.21, 0.25) * lungs
    grey += 0.06 * _markings(rng, aside) * lungs
    grey += _bones(rng, aside, cage) * _soft(dome + 0.05 - _DOWN, 0.02)
    return Chest(grey=0.02 + body * grey, lungs=lungs, middle=middle)


def consolidated(chest: Chest, rng: np.random.Generator) -> tuple[Plane, Mask]:
    """The grey of the chest with one or two patches of lung filled with fluid, and where they are.

    The patches are mottled, soft at the edge, and hide the vessels behind them.
    """
    share = np.zeros((SIDE, SIDE))
    sides = rng.permutation([-1.0, 1.0])[: rng.integers(1, 3)]
    for side in sides:
        column = chest.middle + side * rng.uniform(0.15, 0.22)
        row, across, down = rng.uniform(0.38, 0.66), rng.uniform(0.09, 0.13), rng.uniform(0.11, 0.17)
        distance = np.hypot((_ACROSS - column) / across, (_DOWN - row) / down)
        share = np.maximum(share, _soft(1.0 + 0.18 * _texture(rng, grain=14.0) - distance, 0.13))
    share *= chest.lungs
    added = rng.uniform(0.27, 0.33) * (1.0 + 0.16 * _texture(rng, grain=5.0))
    return chest.grey + added * share, share > 0.5


def exposed(grey: Plane, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Sharpen as film readers do, blur by the screen, add the quanta's noise, round to 8 bits: float32 in [0, 1]."""
    sharp = grey + SHARPENING * (grey - cv2.GaussianBlur(grey, (0, 0), sigmaX=6.0))
    mean = cv2.GaussianBlur(sharp, (0, 0), sigmaX=0.6) * rng.uniform(0.96, 1.04)
    noise = 0.005 * _texture(rng, grain=0.9)
    return (np.clip(np.rint((mean + noise) * 255), 0, 255) / 255).astype(np.float32)


def _soft(inside: Plane, edge: float) -> Plane:
    """1 where `inside` is well above 0, and 0 well below; `edge` is the width of the passage."""
    share: Plane = 1.0 / (1.0 + np.exp(-np.clip(inside / edge, -40.0, 40.0)))
    return share


def _texture(rng: np.random.Generator, *, grain: float) -> Plane:
    """Smooth Gaussian noise of mean 0 and spread 1; `grain` in pixels."""
    noise = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)), (0, 0), sigmaX=grain)
    spread: Plane = (noise - noise.mean()) / noise.std()
    return spread


def _heart(rng: np.random.Generator, middle: float) -> Plane:
    """The heart's shadow, more of it on the right of the picture."""
    column, row = middle + rng.uniform(0.035, 0.055), rng.uniform(0.60, 0.65)
    distance = np.hypot((_ACROSS - column) / rng.uniform(0.11, 0.135), (_DOWN - row) / rng.uniform(0.17, 0.21))
    return _soft(1.0 - distance, 0.06)


def _spine(aside: Plane) -> Plane:
    """Vertebrae: a bright column with darker discs."""
    discs = 0.5 + 0.5 * np.cos(2 * np.pi * _DOWN * 17)
    column: Plane = 0.07 * _soft(0.035 - aside, 0.006) * (0.6 + 0.4 * discs)
    return column


def _markings(rng: np.random.Generator, aside: Plane) -> Plane:
    """Vessels of the lung: fine texture, densest beside the heart."""
    fine: Plane = (0.5 * _texture(rng, grain=2.5) + 0.6 * _texture(rng, grain=7.0)) * np.exp(-aside / 0.16)
    large: Plane = 0.5 * np.exp(-(((aside - 0.09) / 0.04) ** 2) - ((_DOWN - 0.45) / 0.12) ** 2)
    return fine + large


def _bones(rng: np.random.Generator, aside: Plane, cage: Plane) -> Plane:
    """Ribs that fall away from the spine, the cage's bright rim, and the collar bones."""
    out = np.clip(aside / np.maximum(cage, 0.02), 0.0, 1.0)
    bones: Plane = np.zeros((SIDE, SIDE))
    top, gap = rng.uniform(0.10, 0.13), rng.uniform(0.072, 0.080)
    for number in range(RIBS):
        row = top + number * gap + 0.085 * out**2 - 0.025 * np.sin(np.pi * out)
        bones = np.maximum(bones, np.exp(-(((_DOWN - row) / 0.015) ** 4)))
    bones *= 0.075 * _soft(cage - aside, 0.006)
    bones += 0.10 * np.exp(-(((aside - cage) / 0.008) ** 2)) * (_DOWN > 0.12)
    height = 0.135 - 0.22 * (aside - 0.05)
    reach = _soft(aside - 0.03, 0.01) * _soft(0.30 - aside, 0.02)
    collar: Plane = 0.10 * np.exp(-(((_DOWN - height) / 0.011) ** 4)) * reach
    return bones + collar
