"""Pictures drawn by rule that show no body: textures, noise, blank sheets and pages of text. All are `(224, 224)`."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from meddef_core.scans.scan import Pixels

Plane = npt.NDArray[Any]

SIDE = 224

WORDS = ("the", "of", "patient", "was", "seen", "today", "with", "a", "history", "and", "no", "sign", "date", "report")
"""What a drawn page is set in."""


def texture(rng: np.random.Generator) -> Pixels:
    """A grating, a checkerboard, cells, rings or a cloud, each in a random size, direction and contrast."""
    draw = (_grating, _checkerboard, _cells, _rings, _cloud)[int(rng.integers(5))]
    contrast = rng.uniform(0.3, 1.0)
    return _grey(0.5 + contrast * (_unit(draw(rng)) - 0.5))


def noise(rng: np.random.Generator) -> Pixels:
    """Uniform, Gaussian, salt-and-pepper or blurred noise."""
    kind = int(rng.integers(4))
    if kind == 0:
        return _grey(rng.uniform(0, rng.uniform(0.4, 1), (SIDE, SIDE)))
    if kind == 1:
        return _grey(rng.normal(rng.uniform(0.2, 0.7), rng.uniform(0.05, 0.3), (SIDE, SIDE)))
    if kind == 2:
        return _grey((rng.random((SIDE, SIDE)) < rng.uniform(0.02, 0.5)).astype(np.float32))
    blurred = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), (0, 0), rng.uniform(1, 12))
    return _grey(_unit(blurred))


def blank(rng: np.random.Generator) -> Pixels:
    """One grey, a slope from one to another, or a bright frame around nothing; with the noise of a sensor."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    level = rng.uniform(0.05, 0.95)
    kind = int(rng.integers(3))
    plane = np.full((SIDE, SIDE), level)
    if kind == 1:
        angle = rng.uniform(0, 2 * np.pi)
        plane = level + rng.uniform(0.1, 0.6) * (np.cos(angle) * rows + np.sin(angle) * columns - 0.5)
    elif kind == 2:
        plane[:12], plane[-12:], plane[:, :12], plane[:, -12:] = (1 - level,) * 4
    return _grey(plane + rng.normal(0, rng.uniform(0.005, 0.02), (SIDE, SIDE)))


def text(rng: np.random.Generator) -> Pixels:
    """A page of print, dark on light or light on dark, straight or a little turned."""
    page: Plane = np.full((2 * SIDE, 2 * SIDE), 255, np.uint8)
    size, line = rng.uniform(0.35, 0.8), int(rng.integers(18, 40))
    for row in range(line, 2 * SIDE - 10, line):
        words = " ".join(rng.choice(WORDS, size=int(rng.integers(3, 12))))
        cv2.putText(page, words, (12, row), cv2.FONT_HERSHEY_SIMPLEX, size, 0, int(rng.integers(1, 3)), cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((SIDE, SIDE), rng.uniform(-8, 8), 1.0)
    page = cv2.warpAffine(page, turn, page.shape, borderValue=255)
    sheet: Plane = cv2.resize(page, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    low, high = rng.uniform(0, 0.2), rng.uniform(0.75, 1)
    sheet = 1 - sheet if rng.random() < 0.4 else sheet
    return _grey(low + (high - low) * sheet)


DRAW: dict[str, Callable[[np.random.Generator], Pixels]] = {
    "texture": texture, "noise": noise, "blank": blank, "text": text
}  # fmt: skip


def _grating(rng: np.random.Generator) -> Plane:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    angle, wave = rng.uniform(0, np.pi), rng.uniform(4, 60)
    values: Plane = np.sin(2 * np.pi * (np.cos(angle) * rows + np.sin(angle) * columns) / wave)
    return values


def _checkerboard(rng: np.random.Generator) -> Plane:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    field = int(rng.integers(6, 50))
    values: Plane = ((rows // field + columns // field) % 2).astype(np.float64)
    return values


def _cells(rng: np.random.Generator) -> Plane:
    """Distance to the nearest of some random points: a Voronoi pattern."""
    points = np.ones((SIDE, SIDE), np.uint8)
    count = int(rng.integers(10, 120))
    points[rng.integers(0, SIDE, count), rng.integers(0, SIDE, count)] = 0
    return cv2.distanceTransform(points, cv2.DIST_L2, 5)


def _rings(rng: np.random.Generator) -> Plane:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] - rng.uniform(0, SIDE, 2)[:, None, None]
    values: Plane = np.sin(2 * np.pi * np.hypot(rows, columns) / rng.uniform(6, 60))
    return values


def _cloud(rng: np.random.Generator) -> Plane:
    """Noise whose power falls as a power of its frequency, as that of natural scenes does."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None])
    frequency[0, 0] = 1.0
    spectrum = np.fft.fft2(rng.normal(size=(SIDE, SIDE))) / frequency ** rng.uniform(0.7, 2.0)
    return np.real(np.fft.ifft2(spectrum))


def _unit(values: Plane) -> Plane:
    low, high = float(values.min()), float(values.max())
    return (values - low) / max(high - low, 1e-9)


def _grey(values: Plane) -> Pixels:
    return np.clip(values, 0.0, 1.0).astype(np.float32)
