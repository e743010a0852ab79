"""Changes of a scan that leave it what it is: another crop, exposure, export or a small turn.

The checks are fitted on changed copies, so that another scanner's habits are not taken for a fault, and are tested on
them. All functions take and return grey `(H, W)` in [0, 1].
"""

import cv2
import numpy as np

from meddef_core.prediction.drawings import WORDS
from meddef_core.scans.preprocess import fill_white_border
from meddef_core.scans.scan import Pixels

LARGEST_TURN = 15.0
"""Degrees: a head or a child is rarely held straighter, and such a scan is not turned."""

MARKS = ("R", "L", "AP", "PA", "PORTABLE", "SUPINE", *WORDS[:4])
"""What is burnt into single scans."""


def reframed(pixels: Pixels, rng: np.random.Generator, *, task: str) -> Pixels:
    """Other limits of the same scan: rows cut above and below the retina, columns cut, a film trimmed at its sides."""
    height, width = pixels.shape
    if task != "oct":
        cut = (rng.uniform(0.0, 0.1, 4) * (height, height, width, width)).astype(int)
        return pixels[cut[0] : height - cut[1], cut[2] : width - cut[3]]
    if rng.random() < 0.6:
        profile = cv2.GaussianBlur(fill_white_border(pixels).mean(axis=1)[:, None], (1, 31), 0)
        keep = int(rng.uniform(0.35, 0.9) * height)
        top = int(np.clip(int(profile.argmax()) - keep * rng.uniform(0.3, 0.7), 0, height - keep))
        pixels = pixels[top : top + keep]
    if rng.random() < 0.5:
        keep = int(rng.uniform(0.5, 1.0) * width)
        left = int(rng.integers(0, width - keep + 1))
        pixels = pixels[:, left : left + keep]
    return pixels


def turned_a_little(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Turned by at most `LARGEST_TURN` degrees; what comes into the frame is black, white or the edge drawn out."""
    height, width = pixels.shape
    angle = rng.uniform(-LARGEST_TURN, LARGEST_TURN)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    mode, fill = ((cv2.BORDER_CONSTANT, 0.0), (cv2.BORDER_CONSTANT, 1.0), (cv2.BORDER_REPLICATE, 0.0))[rng.integers(3)]
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), borderMode=mode, borderValue=fill))


def bordered(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Plain borders at some of the sides, as a collimator, a registration or a viewer leaves them."""
    height, width = pixels.shape
    sizes = rng.uniform(0.0, 0.15, 4) * (rng.random(4) < 0.5) * (height, height, width, width)
    above, below, left, right = (int(size) for size in sizes)
    level = float(rng.choice([0.0, 0.0, 0.05, 1.0]))
    return np.asarray(cv2.copyMakeBorder(pixels, above, below, left, right, cv2.BORDER_CONSTANT, value=level))


def marked(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """One or two burnt-in marks, such as the side of a film."""
    height, width = pixels.shape
    drawn = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 3))):
        size = rng.uniform(0.03, 0.08) * height / 22
        place = (int(rng.uniform(0.02, 0.85) * width), int(rng.choice([rng.uniform(0.06, 0.2), 0.95]) * height))
        cv2.putText(drawn, str(rng.choice(MARKS)), place, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1 + int(size > 0.9))
    return np.maximum(pixels, drawn.astype(np.float32) / 255 * np.float32(rng.uniform(0.6, 1.0)))


def rounded(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Black outside a large round field."""
    height, width = pixels.shape
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    limit = rng.uniform(1.1, 1.35)
    return np.where(np.hypot(rows - rng.uniform(-0.3, 0.3), columns) < limit, pixels, 0.0).astype(np.float32)


def exposed(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Another gamma, black level and gain, sharpness, speckle and JPEG quality."""
    grey = np.clip(pixels, 0.0, 1.0) ** np.exp(rng.uniform(-0.6, 0.6))
    grey = rng.uniform(0.0, 0.12) + grey * rng.uniform(0.55, 0.95)
    if rng.random() < 0.4:
        grey = cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.5, 1.8) * max(pixels.shape) / 512)
    if rng.random() < 0.6:
        noise = rng.standard_normal(grey.shape, dtype=np.float32)
        grey = grey * (1.0 + rng.uniform(0.0, 0.4) * noise) + rng.uniform(0.0, 0.05) * noise
    return jpeg(np.clip(grey, 0.0, 1.0).astype(np.float32), quality=int(rng.integers(50, 98)))


def jpeg(pixels: Pixels, *, quality: int) -> Pixels:
    """As a JPEG of that quality keeps it."""
    _, coded = cv2.imencode(".jpg", np.round(pixels * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), dtype=np.float32) / np.float32(255)


def changed(pixels: Pixels, rng: np.random.Generator, *, task: str) -> Pixels:
    """Some of the changes, drawn at random."""
    if rng.random() < 0.6:
        pixels = reframed(pixels, rng, task=task)
    if rng.random() < 0.5:
        pixels = turned_a_little(pixels, rng)
    if rng.random() < 0.25:
        pixels = rounded(pixels, rng)
    if rng.random() < 0.4:
        pixels = bordered(pixels, rng)
    if rng.random() < 0.35:
        pixels = marked(pixels, rng)
    return exposed(np.ascontiguousarray(pixels), rng)
