"""JPEG inside DICOM: its colours are known by the stream itself, which the header often contradicts."""

import io

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile
from pydicom.pixels.processing import convert_color_space

from meddef_core.scans.contrast import Values
from meddef_core.scans.jpeg_header import JpegHeader
from meddef_core.scans.jpeg_planes import decode_planes
from meddef_core.text import Text

_RGB_IDS = tuple(b"RGB")
"""Component identifiers by which libjpeg knows RGB."""

_MARGIN = 16.0
"""Grey values by which lossy compression may leave the range of RGB."""

_MOST_OUTSIDE = 0.1
"""Share of pixels outside the range of RGB, were they YCbCr, from which they are RGB already."""

_SAMPLE = 500_000


def decode_jpeg(frame: bytes, found: JpegHeader, *, photometric: str) -> tuple[Values, tuple[str, ...]]:
    """The values (H, W), or (H, W, 3) RGB, of a JPEG stream with header `found`, and what to warn of.

    The library's own exceptions pass.
    """
    if found.decoder != "pillow":
        return _of_planes(decode_planes(frame, found), found, photometric=photometric)
    image = JpegImageFile(io.BytesIO(frame))
    if len(found.ids) != 3:
        return np.asarray(image), ()
    if found.adobe is not None or found.ids == _RGB_IDS:
        # The stream says how its colours were transformed, and libjpeg has undone it.
        was_ybr = found.adobe == 1
        rgb = np.asarray(image)
    else:
        image.draft("YCbCr", image.size)  # what was compressed, without a conversion
        stored = np.asarray(image)
        was_ybr = _can_be_ybr(stored)
        rgb = convert_color_space(stored, "YBR_FULL", "RGB") if was_ybr else stored
    return rgb, _contradiction(photometric, was_ybr=was_ybr)


def _of_planes(stored: Values, found: JpegHeader, *, photometric: str) -> tuple[Values, tuple[str, ...]]:
    if stored.ndim == 2:
        return stored, ()
    if found.adobe is not None or found.ids == _RGB_IDS:
        was_ybr = found.adobe == 1
    elif found.lossless:  # compressed as they came, so that nothing in the stream tells
        was_ybr = photometric.startswith("YBR")
    else:
        was_ybr = _can_be_ybr(stored // 2 ** (found.precision - 8))
    rgb = _rgb(stored, precision=found.precision) if was_ybr else stored
    return rgb, _contradiction(photometric, was_ybr=was_ybr)


def _rgb(stored: Values, *, precision: int) -> Values:
    """Red, green and blue of YCbCr planes (H, W, 3) of this many bits (ITU-R BT.601, full range)."""
    middle, highest = 2 ** (precision - 1), 2**precision - 1
    luma, blue, red = np.moveaxis(stored.astype(np.float32), 2, 0)
    blue, red = blue - middle, red - middle
    planes = (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue)
    return np.stack([np.rint(plane).clip(0, highest).astype(stored.dtype) for plane in planes], axis=2)


def _can_be_ybr(stored: Values) -> bool:
    """Whether three planes make colours when they are taken as YCbCr.

    RGB does not: black, white and every strong colour would fall outside the range, and only middling grey inside.
    """
    flat = stored.reshape(-1, 3)
    luma, blue, red = flat[:: max(1, len(flat) // _SAMPLE)].astype(np.float32).T
    channels = (luma + 1.772 * (blue - 128), luma + 1.402 * (red - 128))
    outside = [(channel < -_MARGIN) | (channel > 255 + _MARGIN) for channel in channels]
    return bool(np.mean(np.logical_or(*outside)) < _MOST_OUTSIDE)


def _contradiction(photometric: str, *, was_ybr: bool) -> tuple[str, ...]:
    if photometric.startswith("YBR") == was_ybr:
        return ()
    held = "YCbCr" if was_ybr else "RGB"
    return (
        Text(
            "scan.header-says",
            "The header says {photometric}, but the JPEG holds {held}; its colours were taken from the JPEG.",
            photometric=photometric,
            held=held,
        ),
    )
