"""From stored DICOM values to grey as a viewer shows it: rescale, window, photometric interpretation."""

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi

from meddef_core.scans import contrast, limits
from meddef_core.scans.contrast import Values
from meddef_core.scans.deidentify import plain_text
from meddef_core.scans.scan import Pixels

GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"

_LUMA = np.array([299, 587, 114], dtype=np.float32) / np.float32(1000)
"""ITU-R BT.601 weights of red, green and blue."""

_NO_WINDOW = "The file gives no usable window, so grey runs from its lowest to its highest value."


def grey_of_colour(values: Values, header: Dataset) -> Pixels:
    """Luminance (H, W) of RGB (H, W, 3), or of palette indices (H, W), by ITU-R 601."""
    if header.PhotometricInterpretation == PALETTE:
        values = apply_color_lut(values, header)
        bits = 8 * values.dtype.itemsize
    else:
        bits = header.BitsStored
    if bits == 8:
        values = np.asarray(Image.fromarray(values.astype(np.uint8)).convert("L"))
    else:
        values = values.astype(np.float32) @ _LUMA
    return contrast.scale(values, low=0.0, high=float(2**bits - 1))


def grey_of_monochrome(
    stored: Values, header: Dataset, *, window: tuple[float, float] | None
) -> tuple[Pixels, tuple[str, ...]]:
    """Grey (H, W) of single-sample values, and what to warn of.

    In order: modality LUT or rescale; then `window`, else the file's first VOI LUT, else its first window, else the
    full range of 8-bit data, else lowest to highest value; MONOCHROME1 is inverted; padding shows black.
    """
    padding = padding_of(stored, header)
    values = rescaled(stored, header)
    notes: tuple[str, ...] = ()
    own = file_window(header)
    if window is not None:
        pixels = contrast.apply_window(values, *window)
    elif header.get("VOILUTSequence") and np.issubdtype(values.dtype, np.integer):
        depth = int(header.VOILUTSequence[0].LUTDescriptor[2])
        pixels = contrast.scale(apply_voi(values, header), low=0.0, high=float(2**depth - 1))
    elif own is not None:
        pixels = contrast.apply_window(values, own[0], own[1], function=own[2])
    else:
        pixels, notes = _unwindowed(values, header, padding)
    if header.PhotometricInterpretation == "MONOCHROME1":
        np.subtract(1.0, pixels, out=pixels)
    if padding is not None:
        pixels[padding] = 0.0
    return pixels, notes


def rescaled(stored: Values, header: Dataset) -> Values:
    """Values in modality units; unchanged (and still integers) when the file rescales by 1 and 0."""
    if header.get("ModalityLUTSequence"):
        return apply_modality_lut(stored, header)
    slope, intercept = _rescale(header)
    if (slope, intercept) == (1.0, 0.0):
        values = stored
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            values = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    limits.check_finite(values)
    return values


def _rescale(header: Dataset) -> tuple[float, float]:
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    return (1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept))


def file_window(header: Dataset) -> tuple[float, float, str] | None:
    """Centre, width and function of the file's first window; None when absent or meaningless."""
    centre, width = (_first(header.get(keyword)) for keyword in ("WindowCenter", "WindowWidth"))
    function = plain_text(header, "VOILUTFunction").upper() or "LINEAR"
    if centre is None or width is None or not contrast.window_works(centre, width, function=function):
        return None
    return centre, width, function


def _first(value: object) -> float | None:
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    return None if value is None or value == "" else float(str(value))


def _unwindowed(
    values: Values, header: Dataset, padding: npt.NDArray[np.bool_] | None
) -> tuple[Pixels, tuple[str, ...]]:
    """8-bit data keep their full range; deeper data rarely fill theirs, so they are stretched."""
    if np.issubdtype(values.dtype, np.floating) or header.BitsStored != 8:
        seen = values if padding is None or padding.all() else values[~padding]
        return contrast.scale(values, low=float(seen.min()), high=float(seen.max())), (_NO_WINDOW,)
    low = -128.0 if header.PixelRepresentation else 0.0
    return contrast.scale(values, low=low, high=low + 255.0), ()


def padding_of(stored: Values, header: Dataset) -> npt.NDArray[np.bool_] | None:
    """Where the scanner padded the picture (PS3.3 C.7.5.1.1.2); None when it says nothing of padding."""
    first = header.get("PixelPaddingValue")
    if not isinstance(first, int):
        return None
    last = header.get("PixelPaddingRangeLimit")
    low, high = sorted((first, last if isinstance(last, int) else first))
    return (stored >= low) & (stored <= high)
