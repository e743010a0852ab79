"""What a window can be set to: the range of a file's grey values, in the units that `read_scan(window=)` takes.

A window is part of how a file is read: the `Scan` holds the windowed picture, so models read what is shown.
"""

from dataclasses import dataclass

import numpy as np

from meddef_core.errors import ScanError
from meddef_core.scans import dicom, dicom_grey, dicom_parse, limits
from meddef_core.scans.contrast import Values
from meddef_core.scans.damage import refusing_damage
from meddef_core.scans.dicom_units import in_units
from meddef_core.scans.dicom_window import SHALLOW, window_of
from meddef_core.scans.opened import container_of
from meddef_core.scans.raster import stored_grey
from meddef_core.text import Text


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
    limits.check_bytes(data, most=limits.MAX_VOLUME_BYTES)
    if dicom_parse.is_dicom(data):
        return _of_dicom(data, frame=frame)
    container = container_of(data)
    if container is None:
        return None
    values, depth = stored_grey(data, container=container, frame=frame)
    return None if depth <= SHALLOW else _range(values, (2**depth / 2, float(2**depth)))


def _of_dicom(data: bytes, *, frame: int | None) -> WindowRange | None:
    with refusing_damage("DICOM"):
        found = dicom.open_picture(dicom_parse.parse(data)).frame(frame)
        header = found.header
        if header.PhotometricInterpretation not in dicom_grey.GREY or dicom_grey.bits_of(found.stored) <= SHALLOW:
            return None
        units, _ = in_units(found.stored, header, index=found.index)
        own = window_of(header, units, index=found.index)
        return _range(units.seen, None if own is None else (own.centre, own.width))


def _range(values: Values, own: tuple[float, float] | None) -> WindowRange:
    low, high = float(values.min()), float(values.max())
    if not high > low:
        raise ScanError(
            Text("scan.image-holds-one", "The image holds one single grey value; choose a file that shows a scan.")
        )
    whole = _between(low, high)
    centre, width = own or whole
    presets = ((Text("scan.full-range", "full range"), *whole), *central_windows(values))
    return WindowRange(low, high, centre, width, presets)


def central_windows(values: Values) -> tuple[tuple[str, float, float], ...]:
    """Name, centre and width of windows that leave out the darkest and brightest 1% and 5% of `values` of any shape."""
    found = []
    for name, margin in (
        (Text("diagnose.central-98", "central 98%"), 1),
        (Text("diagnose.central-90", "central 90%"), 5),
    ):
        first, last = (float(value) for value in np.percentile(values, [margin, 100 - margin]))
        if last > first:
            found.append((name, *_between(first, last)))
    return tuple(found)


def _between(first: float, last: float) -> tuple[float, float]:
    """Centre and width of the window whose ramp begins at one value and ends at another (see `apply_window`)."""
    return (first + last) / 2 + 0.5, last - first + 1
