"""What a window can be set to: the range of a file's grey values, in the units that `read_scan(window=)` takes.

A window is part of how a file is read: the `Scan` holds the windowed picture, so models read what is shown.
"""

from dataclasses import dataclass

import numpy as np

from meddef_core.errors import ScanError
from meddef_core.scans import dicom, dicom_grey, limits
from meddef_core.scans.contrast import Values
from meddef_core.scans.damage import refusing_damage
from meddef_core.scans.dicom_frames import decode_frame
from meddef_core.scans.raster import PNG_MAGIC, stored_grey

SHALLOW = 8
"""Bits up to which a file has no more greys than a screen shows."""


@dataclass(frozen=True)
class WindowRange:
    """Lowest and highest grey value of a picture, and the (centre, width) it is shown with where none is asked for."""

    low: float
    high: float
    centre: float
    width: float
    presets: tuple[tuple[str, float, float], ...]
    """Name, centre and width of windows that suit the picture's own values."""


def window_range(data: bytes, *, frame: int | None = None) -> WindowRange | None:
    """The range to choose a window from; None for a file whose window cannot be changed: colour, or 8 bits and fewer.

    Raises ScanError as `read_scan`.
    """
    limits.check_bytes(data)
    if dicom.is_dicom(data):
        return _of_dicom(data, frame=frame)
    if data.startswith(PNG_MAGIC):
        values, depth = stored_grey(data)
        return None if depth <= SHALLOW else _range(values, (2**depth / 2, float(2**depth)))
    return None


def _of_dicom(data: bytes, *, frame: int | None) -> WindowRange | None:
    with refusing_damage("DICOM"):
        header = dicom.parse(data)
        frames = dicom.check_header(header)
        if header.PhotometricInterpretation not in dicom_grey.GREY or dicom.bits_of(header) <= SHALLOW:
            return None
        stored = decode_frame(header, index=limits.frame_index(frame, frames=frames), frames=frames)
        padding = dicom_grey.padding_of(stored, header)
        values = dicom_grey.rescaled(stored, header)
        own = dicom_grey.file_window(header)
        seen = values if padding is None or padding.all() else values[~padding]
        return _range(seen, None if own is None else own[:2])


def _range(values: Values, own: tuple[float, float] | None) -> WindowRange:
    low, high = float(values.min()), float(values.max())
    if not high > low:
        raise ScanError("The image holds one single grey value; choose a file that shows a scan.")
    whole = ((low + high) / 2, high - low + 1)
    centre, width = own or whole
    presets = [("full range", *whole)]
    for name, margin in (("central 98 %", 1), ("central 90 %", 5)):
        first, last = (float(value) for value in np.percentile(values, [margin, 100 - margin]))
        if last > first:
            presets.append((name, (first + last) / 2, last - first + 1))
    return WindowRange(low, high, centre, width, tuple(presets))
