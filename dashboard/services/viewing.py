"""Scans for the viewer: grey values, compressed once, that the browser windows by itself; and what a model saw of them.

A fingerprint identifies the pixels of a scan in the session's caches.
"""

import math

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.services.models import loaded
from dashboard.services.results.common import MapView, ModelChoice, Picture
from dashboard.services.results.viewing import Plane, Seen, Values, Window
from dashboard.services.visitor import has_left
from meddef_core.errors import MedDefError
from meddef_core.explanation import EXPLAINERS, available
from meddef_core.scans import Scan, WindowRange, central_windows, read_scan_isolated
from meddef_core.scans.limits import MAX_VOLUME_BYTES

MOST_BYTES = 1_500_000
"""Of a compressed plane: what a slow connection carries in a few seconds."""

MOST_SIDE = 2048
"""Longest side sent, in pixels."""

LEAST_TOP = 2**10 - 1
"""A plane that is too large loses its lowest bits down to ten before it loses pixels."""

LEVELS = 255
"""The highest grey level of a scan whose own values are not known."""

AS_READ: Window = (LEVELS / 2 + 0.5, LEVELS + 1.0)
"""The window that shows grey levels as they are."""

STEP = 97
"""Every so many values are compared with what was read."""

LARGEST_ERROR = 3 / 255
"""Difference from what was read that 99% of values keep where the file's contrast is a straight line."""

Pixels = NDArray[np.float32]


@st.cache_data(scope="session", max_entries=4, show_spinner=False)
def values(
    fingerprint: str,
    frame: int | None,
    window: Window | None,
    _scan: Scan,
    _data: bytes | None = None,
    _known: WindowRange | None = None,
) -> Values:
    """As `values_of`, once for each scan, frame and window; `fingerprint` identifies the pixels."""
    return values_of(_scan, _data, known=_known, frame=frame, window=window)


def values_of(
    scan: Scan,
    data: bytes | None = None,
    *,
    known: WindowRange | None = None,
    frame: int | None = None,
    window: Window | None = None,
) -> Values:
    """The values of a scan: those of its file where `data` holds it and `known` says what its window can be.

    `frame` and `window` are what was asked for when the scan was read. Grey levels as read where the contrast of the
    file is no straight line, or where it cannot be read again now.
    """
    if data is not None and known is not None and known.high > known.low:
        found = _in_units(scan, data, frame=frame, known=known, window=window or (known.centre, known.width))
        if found is not None:
            return found
    top = LEVELS if scan.bits <= 8 else 2**16 - 1
    plane = encoded(scan.pixels, low=0.0, high=float(LEVELS), top=top)
    return Values(plane=plane, window=AS_READ, presets=central_windows(LEVELS * scan.pixels))


def _in_units(scan: Scan, data: bytes, *, frame: int | None, known: WindowRange, window: Window) -> Values | None:
    """The file read once more with a window over all of its values; None where a window does not give what was read."""
    low, high = known.low, known.high
    whole = ((low + high) / 2 + 0.5, high - low + 1)
    try:
        full = read_scan_isolated(
            data, frame=frame, window=whole, most_bytes=MAX_VOLUME_BYTES, cancelled=has_left
        ).pixels
    except MedDefError:
        return None
    sides = [(_ramp(full, low, high, window), False), (1 - _ramp(1 - full, low, high, window), True)]
    read = scan.pixels.reshape(-1)[::STEP]
    falling = next((falls for shown, falls in sides if _is_like(shown, read)), None)
    if falling is None:
        return None
    rising = 1 - full if falling else full
    top = max(LEVELS, min(2**16 - 1, round(high - low)))
    plane = encoded(rising, low=low, high=high, top=top)
    return Values(plane=plane, window=window, presets=known.presets, falling=falling, in_units=True)


def _ramp(pixels: Pixels, low: float, high: float, window: Window) -> Pixels:
    """A sample of `pixels`, which run from `low` to `high`, through a window as the viewer draws it."""
    centre, width = window[0] - 0.5, max(window[1] - 1, 1e-6)
    found = pixels.reshape(-1)[::STEP] * (high - low) + low
    return np.clip((found - centre) / width + 0.5, 0, 1)


def _is_like(shown: Pixels, read: Pixels) -> bool:
    return shown.shape == read.shape and float(np.quantile(np.abs(shown - read), 0.99)) <= LARGEST_ERROR


def encoded(pixels: Pixels, *, low: float, high: float, top: int) -> Plane:
    """`(H, W)` in [0, 1] as a plane of at most `MOST_BYTES`: bits go first, then pixels."""
    side = min(1.0, MOST_SIDE / max(pixels.shape))
    while True:
        small = pixels if side == 1 else _resized(pixels, side)
        png = _png(small, top=top)
        if len(png) <= MOST_BYTES:
            return Plane(png=png, low=low, high=high, top=top, shape=_shape(pixels), sent=_shape(small))
        if top > LEAST_TOP:
            top = top // 2
        else:
            side *= min(0.9, math.sqrt(MOST_BYTES / len(png)))


def encoded_map(view: MapView) -> bytes:
    """A map as an 8-bit PNG, from the low end of its scale to the high one."""
    low, high = view.scale
    return _png(np.clip((view.smooth - low) / (high - low), 0, 1), top=LEVELS)


def encoded_picture(picture: Picture) -> Plane:
    """A picture as models see it."""
    return encoded(picture, low=0.0, high=float(LEVELS), top=LEVELS)


def _png(pixels: Pixels, *, top: int) -> bytes:
    kind = np.uint8 if top <= LEVELS else np.uint16
    _, data = cv2.imencode(".png", np.rint(pixels * np.float32(top)).astype(kind), [cv2.IMWRITE_PNG_COMPRESSION, 4])
    return data.tobytes()


def _resized(pixels: Pixels, side: float) -> Pixels:
    found = cv2.resize(pixels, None, fx=side, fy=side, interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(found, 0, 1), dtype=np.float32)


def _shape(pixels: Pixels) -> tuple[int, int]:
    height, width = pixels.shape
    return height, width


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def seen(model: ModelChoice, fingerprint: str, _scan: Scan) -> Seen:
    """The part of a scan that a model saw."""
    preprocessing = loaded(model.id).preprocessing
    box = preprocessing.seen(_scan.pixels, row_mm=_scan.row_mm)
    height, width = _scan.size
    whole = (box.top, box.bottom, box.left, box.right) == (0, height, 0, width)
    return Seen(**box._asdict(), side=preprocessing.size, whole=whole)


def map_titles(model: ModelChoice) -> tuple[tuple[str, str], ...]:
    """Key and title of every map that `maps` draws for a model, without drawing one."""
    known = {key: EXPLAINERS[key] for key in available(loaded(model.id).network)}
    return tuple((key, explainer.info.title) for key, explainer in known.items() if not explainer.costly)


def forget() -> None:
    """Let go of what was made of scans."""
    values.clear()
    seen.clear()
