"""From stored values to grey in [0, 1]: the window functions of DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from meddef_core.errors import ScanError
from meddef_core.scans.scan import Pixels
from meddef_core.text import Text

Values = npt.NDArray[Any]
"""Stored or rescaled sample values (H, W), of any real dtype."""

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def scale(values: Values, *, low: float, high: float) -> Pixels:
    """Map [low, high] linearly to [0, 1] and clip; all black when the range is empty."""
    if not high > low:
        return np.zeros(values.shape, dtype=np.float32)
    grey = values.astype(np.float32)
    if low != 0.0:
        grey -= np.float32(low)
    grey /= np.float32(high - low)
    return np.clip(grey, 0.0, 1.0, out=grey)


def window_works(centre: float, width: float, *, function: str = "LINEAR") -> bool:
    """Whether the standard defines this window: finite, a known function, and wide enough for it."""
    least = width >= 1 if function == "LINEAR" else width > 0
    return function in FUNCTIONS and math.isfinite(centre) and math.isfinite(width) and least


def apply_window(values: Values, centre: float, width: float, *, function: str = "LINEAR") -> Pixels:
    """Window `values` to [0, 1] by one of FUNCTIONS; centre and width are in the units of `values`.

    LINEAR follows the standard to the letter: its ramp runs from centre - 0.5 - (width - 1) / 2 to
    centre - 0.5 + (width - 1) / 2, so width 1 is a threshold. Raises ScanError for a window that means nothing.
    """
    if not window_works(centre, width, function=function):
        raise ScanError(
            Text(
                "scan.window-centre",
                "A window of centre {centre:g} and width {width:g} cannot be applied; give a finite centre and "
                "a width of at least 1.",
                centre=centre,
                width=width,
            )
        )
    if function == "SIGMOID":
        # exp overflows float32 beyond 88; at 80 the curve is flat to the last bit anyway.
        exponent = np.clip((values.astype(np.float32) - np.float32(centre)) * np.float32(-4.0 / width), -80.0, 80.0)
        return np.asarray(1.0 / (1.0 + np.exp(exponent)), dtype=np.float32)
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1.0
    if width == 0.0:
        return (values > centre).astype(np.float32)
    return scale(values, low=centre - width / 2, high=centre + width / 2)
