"""From values to colours: maps over a scan, colour bars and amplified differences, as uint8 RGB arrays."""

import base64

import cv2
import numpy as np
from numpy.typing import NDArray
from plotly.colors import sequential

Values = NDArray[np.float32]
Rgb = NDArray[np.uint8]

COLOUR_MAPS: dict[str, list[str]] = {
    "Cividis": sequential.Cividis,
    "Inferno": sequential.Inferno,
    "Viridis": sequential.Viridis,
}
"""Perceptually even and readable without colour vision; never jet, which draws edges that are not there."""

DIVERGING = ["#4da3ff", "#808080", "#ffa42e"]
"""For signed values: blue below zero, mid grey at zero, orange above."""

LEVELS = 256

CONTOURS = (0.25, 0.5, 0.75)
"""Shares of the scale's end at which lines are drawn."""


def overlay(picture: Values, values: Values, *, scale: tuple[float, float], colours: list[str], opacity: float) -> Rgb:
    """`values` `(h, w)` coloured on `scale` over a grey picture of the same shape."""
    base = np.repeat(picture[..., None], 3, axis=2) * 255.0
    mixed = (1.0 - opacity) * base + opacity * coloured(values, scale=scale, colours=colours)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def coloured(values: Values, *, scale: tuple[float, float], colours: list[str]) -> Rgb:
    """Every value of `(h, w)` as its colour on `scale`; values beyond the scale take its end colours."""
    low, high = scale
    position = np.clip((values - low) / (high - low), 0.0, 1.0)
    return _table(colours)[np.rint(position * (LEVELS - 1)).astype(np.intp)]


def with_contours(drawn: Rgb, values: Values, *, scale: tuple[float, float]) -> Rgb:
    """Lines where `values` cross a quarter, half and three quarters of the scale; a signed map has them on both sides.

    White within black, so that they show on every colour.
    """
    lined = drawn.copy()
    for share in CONTOURS:
        inside = (np.abs(values) >= share * max(map(abs, scale))).astype(np.uint8)
        lines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(lined, lines, -1, (0, 0, 0), 3)
        cv2.drawContours(lined, lines, -1, (255, 255, 255), 1)
    return lined


def png_address(picture: Rgb | Values) -> str:
    """A picture as an address that carries it whole: RGB, or grey values in [0, 1]."""
    pixels = picture if picture.dtype == np.uint8 else np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels)
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def blocks(values: Values, *, size: int = 224) -> Values:
    """A raw grid enlarged to about `size` pixels without inventing values between its cells."""
    rows, columns = (max(1, size // side) for side in values.shape)
    return np.repeat(np.repeat(values, rows, axis=0), columns, axis=1)


def colour_bar(colours: list[str], *, width: int = 224, height: int = 10) -> Rgb:
    """The whole scale from low (left) to high (right)."""
    return coloured(np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1)), scale=(0.0, 1.0), colours=colours)


def amplification(eps: float) -> int:
    """The whole factor that makes a change of `eps` reach the end of the colour scale."""
    return max(1, round(1.0 / eps)) if eps > 0 else 1


def difference(clean: Values, attacked: Values, *, factor: int) -> Rgb:
    """The signed change of each pixel times `factor`: mid grey where nothing changed."""
    return coloured(attacked - clean, scale=(-1.0 / factor, 1.0 / factor), colours=DIVERGING)


def hex_table(colours: list[str]) -> list[str]:
    """Every colour from low to high, as "#rrggbb"."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in _table(colours).tolist()]


def _table(colours: list[str]) -> Rgb:
    anchors = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours], dtype=np.float64)
    at = np.linspace(0, len(colours) - 1, LEVELS)
    channels = [np.interp(at, np.arange(len(colours)), anchors[:, i]) for i in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
