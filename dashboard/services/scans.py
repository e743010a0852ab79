"""What a file becomes: scans, volumes and samples, and how large a file may be."""

from meddef_core.data.samples import SYNTHETIC, Sample
from meddef_core.scans import FrameError, Scan, Volume, WindowRange
from meddef_core.scans.archive import is_zip
from meddef_core.scans.limits import MAX_BYTES, MAX_VOLUME_BYTES
from meddef_core.scans.preprocess import SIZE

__all__ = [
    "MAX_BYTES",
    "MAX_VOLUME_BYTES",
    "SIZE",
    "SYNTHETIC",
    "FrameError",
    "Sample",
    "Scan",
    "Volume",
    "WindowRange",
    "is_zip",
]
