"""From values to colours for exports: scans, amplified differences, maps over a scan, colour bars."""

import cv2
import numpy as np

from meddef_core.report.canvas import Rgb
from meddef_core.report.sheet import MapPair, Picture

OPACITY = 0.5

DIVERGING = np.array([[77, 163, 255], [128, 128, 128], [255, 164, 46]], dtype=np.float64)
"""Blue below zero, mid grey at zero, orange above: readable without red-green vision."""


def grey(picture: Picture) -> Rgb:
    """A scan as it is."""
    values = np.clip(np.rint(picture * 255.0), 0, 255).astype(np.uint8)
    return np.repeat(values[..., None], 3, axis=2)


def difference(clean: Picture, attacked: Picture, *, factor: float) -> Rgb:
    """The signed change of each pixel times `factor`: mid grey where nothing changed."""
    return _diverging((attacked - clean) * factor)


def amplification(span: float) -> float:
    """The factor that brings a change of `span` to the strongest colour.

    Not rounded: the legend names the span, and it must be the attack's own epsilon.
    """
    return max(1.0, 1.0 / span) if span > 0 else 1.0


def over_scan(values: Picture, picture: Picture, pair: MapPair) -> Rgb:
    """A map on its pair's scale, half transparent over the scan."""
    mixed = (1 - OPACITY) * grey(picture) + OPACITY * _coloured(values, pair)
    return np.rint(mixed).astype(np.uint8)


def colour_bar(pair: MapPair, *, width: int = 224, height: int = 8) -> Rgb:
    """The pair's scale from low (left) to high (right)."""
    low, high = pair.scale
    return _coloured(np.tile(np.linspace(low, high, width, dtype=np.float32), (height, 1)), pair)


def _coloured(values: Picture, pair: MapPair) -> Rgb:
    low, high = pair.scale
    position = np.clip((values - low) / (high - low), 0.0, 1.0)
    if pair.signed:
        return _diverging(2 * position - 1)
    coded = cv2.applyColorMap(np.rint(position * 255).astype(np.uint8), cv2.COLORMAP_CIVIDIS)
    return np.ascontiguousarray(coded[..., ::-1], dtype=np.uint8)


def _diverging(values: Picture) -> Rgb:
    channels = [np.interp(values, (-1.0, 0.0, 1.0), DIVERGING[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
