"""A file becomes a `Scan`: decode, de-identify, contrast, geometry."""

from meddef_core.scans.decode import read_scan
from meddef_core.scans.isolated import (
    close_decoders,
    read_scan_isolated,
    warm_decoders,
    window_range_isolated,
)
from meddef_core.scans.limits import FrameError
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.scans.scan import Scan
from meddef_core.scans.volume import Volume, read_volume
from meddef_core.scans.windows import WindowRange, central_windows, window_range

__all__ = [
    "FrameError",
    "Preprocessing",
    "Scan",
    "Volume",
    "WindowRange",
    "central_windows",
    "close_decoders",
    "read_scan",
    "read_scan_isolated",
    "read_volume",
    "warm_decoders",
    "window_range",
    "window_range_isolated",
]
