"""Composite pages drawn around scans, to choose and to test the check that finds them: none is a file of a device.

Layouts follow what viewers export: an infrared image beside, above or below the B-scan, several scans on one sheet, the
window of a program, and a printed report. All functions take and return grey `(H, W)` in [0, 1].
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from meddef_core.prediction.drawings import WORDS
from meddef_core.scans.scan import Pixels

FUNDUS_SIDE = 320
"""Side of a drawn infrared image before it is fitted beside a scan."""


def fundus(rng: np.random.Generator) -> Pixels:
    """An infrared image: a grey field with vessels, an optic disc and scan lines; a full square or a round field."""
    side = FUNDUS_SIDE
    grains = int(side / rng.uniform(4, 40))
    cloud = cv2.resize(rng.normal(size=(grains, grains)), (side, side), interpolation=cv2.INTER_CUBIC)
    field = rng.uniform(0.3, 0.6) + rng.uniform(0.03, 0.08) * cloud / cloud.std()
    dark = rng.uniform(0.6, 0.85)
    heart = rng.uniform(0.2, 0.8, 2) * side
    if rng.random() < 0.7:
        for angle in rng.uniform(0, 2 * np.pi, int(rng.integers(5, 12))):
            steps = np.cumsum(rng.normal(0, 0.12, 40)) + angle
            course = heart + np.cumsum(np.stack([np.cos(steps), np.sin(steps)], axis=1) * 9, axis=0)
            vessel = np.zeros((side, side), np.uint8)
            cv2.polylines(vessel, [course.astype(np.int32)], False, 1, int(rng.integers(2, 7)), cv2.LINE_AA)
            field = np.where(vessel > 0, field * dark, field)
    if rng.random() < 0.5:
        cv2.circle(field, (int(heart[0]), int(heart[1])), int(rng.integers(18, 40)), float(rng.uniform(0.2, 0.9)), -1)
    for _ in range(int(rng.integers(0, 8))):
        ends = rng.integers(0, side, 4).tolist()
        cv2.line(field, (ends[0], ends[1]), (ends[2], ends[3]), float(rng.uniform(0.1, 0.95)), int(rng.integers(1, 3)))
    field = field + rng.normal(0, rng.uniform(0.0, 0.04), field.shape)
    if rng.random() < 0.4:
        rows, columns = np.mgrid[0:side, 0:side] - (side - 1) / 2
        field[np.hypot(rows, columns) > side / 2] = 0.0
    return _grey(field)


def infrared_beside(scans: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """The export of a device: an infrared image left or right of the B-scan, as high as it."""
    parts = [_to_height(fundus(rng), scans[0].shape[0]), scans[0]]
    return _row(parts if rng.random() < 0.5 else parts[::-1], rng)


def infrared_above(scans: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """An infrared image above or below the B-scan: as wide as it, or a square on a plain ground."""
    scan = scans[0]
    width = scan.shape[1]
    picture = fundus(rng)
    if rng.random() < 0.4:
        picture = _resized(picture[: int(FUNDUS_SIDE * rng.uniform(0.4, 1.0))], width / FUNDUS_SIDE)
    else:
        side = min(width, int(scan.shape[0] * rng.uniform(0.6, 1.2)))
        ground = np.full((side, width), rng.choice([0.0, 1.0, 0.15]), np.float32)
        left = int(rng.integers(0, width - side + 1))
        ground[:, left : left + side] = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        picture = ground
    parts = [picture, scan]
    return _row([np.ascontiguousarray(part.T) for part in (parts if rng.random() < 0.5 else parts[::-1])], rng).T


def side_by_side(scans: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """Two or three scans in a row or a column, such as both eyes or two examinations."""
    count = int(rng.integers(2, 4))
    height, width = scans[0].shape
    parts = [_to_size(scan, (width, height)) for scan in scans[:count]]
    if rng.random() < 0.5:
        return _row(parts, rng)
    return _row([np.ascontiguousarray(part.T) for part in parts], rng).T


def two_by_two(scans: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """Four panels, one of which may be an infrared image."""
    height, width = scans[0].shape
    pictures = [*scans[:3], fundus(rng) if rng.random() < 0.5 else scans[3]]
    parts = [cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA) for picture in pictures]
    gap, ground = int(rng.integers(0, 12)), float(rng.choice([0.0, 1.0, 0.3]))
    sheet = np.full((2 * height + gap, 2 * width + gap), ground, np.float32)
    for number, part in enumerate(parts):
        top, left = (number // 2) * (height + gap), (number % 2) * (width + gap)
        sheet[top : top + height, left : left + width] = part
    return sheet


def screenshot(scans: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """The window of a viewer: a title bar, often a column of text, sometimes a line of status below."""
    scan = scans[0]
    height, width = scan.shape
    bar = max(14, int(height * rng.uniform(0.06, 0.12)))
    above = _text((bar, width), rng, size=bar / 45, level=float(rng.choice([0.2, 0.5, 0.85, 1.0])), lines=1)
    column: Pixels = scan
    if rng.random() < 0.6:
        size = (height, int(width * rng.uniform(0.15, 0.4)))
        beside = _text(size, rng, size=height / 900, level=float(rng.choice([0.0, 1.0])))
        column = np.hstack([beside, scan] if rng.random() < 0.5 else [scan, beside])
        above = np.pad(above, ((0, 0), (0, column.shape[1] - width)), mode="edge")
    parts = [above, column]
    if rng.random() < 0.5:
        parts.append(_text((bar, column.shape[1]), rng, size=bar / 50, level=0.85, lines=1))
    return np.vstack(parts)


def printed_page(scans: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """A white report: a heading, one to three pictures and lines of text."""
    width = int(scans[0].shape[1] * rng.uniform(1.1, 2.2))
    height = int(width * rng.uniform(1.0, 1.42))
    page = _text((height, width), rng, size=width / 1200, level=1.0)
    top = int(height * rng.uniform(0.08, 0.2))
    for number, scan in enumerate(scans[: int(rng.integers(1, 4))]):
        picture = fundus(rng) if number and rng.random() < 0.5 else scan
        picture = _resized(picture, width * rng.uniform(0.45, 0.85) / picture.shape[1])
        picture = picture[: max(0, height - top - 8)]
        if picture.shape[0] < height // 10:
            break
        left = int(rng.integers(8, width - picture.shape[1] - 7))
        page[max(0, top - 12) : top + picture.shape[0] + 12] = 1.0
        page[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        top += picture.shape[0] + int(height * rng.uniform(0.03, 0.1))
    return page


LAYOUTS: dict[str, Callable[[Sequence[Pixels], np.random.Generator], Pixels]] = {
    "infrared beside": infrared_beside,
    "infrared above": infrared_above,
    "side by side": side_by_side,
    "two by two": two_by_two,
    "screenshot": screenshot,
    "printed page": printed_page,
}
"""Each takes at least four scans, of which it shows the first and as many more as it has room for."""


def _row(parts: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """Pictures of one height beside each other, close together or with a plain gap."""
    gap = int(rng.choice(np.array([0, 0, int(rng.integers(1, 20))])))
    between = np.full((parts[0].shape[0], gap), float(rng.choice([0.0, 1.0, 0.3])), np.float32)
    joined: list[Pixels] = []
    for part in parts:
        joined += [between, part] if joined else [part]
    return np.hstack(joined)


def _text(
    shape: tuple[int, int], rng: np.random.Generator, *, size: float, level: float, lines: int | None = None
) -> Pixels:
    """Lines of print on a ground of `level`; `size` is OpenCV's scale of the font."""
    sheet = np.full(shape, round(255 * level), np.uint8)
    ink = int(rng.integers(0, 40)) if level > 0.4 else int(rng.integers(180, 256))
    size = max(size, 0.3)
    step = int(30 * size) + 4
    rows = [int(shape[0] * 0.7)] if lines == 1 else range(step, shape[0] - 4, int(step * rng.uniform(1.0, 2.0)))
    for row in rows:
        words = " ".join(rng.choice(np.array(WORDS), size=int(rng.integers(2, 9))))
        cv2.putText(sheet, words, (6, row), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)
    return (sheet / 255).astype(np.float32)


def _to_height(picture: Pixels, height: int) -> Pixels:
    return _to_size(picture, (height, height))


def _to_size(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """`size` is width and height."""
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _resized(picture: Pixels, factor: float) -> Pixels:
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))


def _grey(values: np.ndarray) -> Pixels:
    grey: Pixels = np.clip(values, 0.0, 1.0).astype(np.float32)
    return grey
