"""Which contrast a DICOM file asks for, and whether it suits the values: VOI lookup table, window or value range."""

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from meddef_core.scans import contrast
from meddef_core.scans.contrast import Values
from meddef_core.scans.deidentify import plain_text
from meddef_core.scans.dicom_attributes import item_of, numbers, places
from meddef_core.scans.dicom_lut import LookupTable, lookup_table
from meddef_core.scans.dicom_units import Units, is_little_endian
from meddef_core.scans.limits import BLANK_SPREAD
from meddef_core.scans.scan import Pixels
from meddef_core.text import Text

SHALLOW = 8
"""Bits up to which the range of what can be stored is shown; deeper data rarely fill theirs, so they are stretched."""

_MACRO = "FrameVOILUTSequence"

_WIDEST = 2.0
"""Widths of the storable range that a window may have; one that is wider was meant for other values."""

_LEAST_SPAN, _LEVELS = 1 / 8, 256
"""A window that squeezes this many grey levels or more into less than this share of the output does not suit them."""

_LEAST_INSIDE = 0.01
"""Share of the picture between black and white below which a window has cut it off."""

_WHOLE_RANGES = tuple(2**bits for bits in range(8, 17))

_MOST_ABOVE = 0.25
"""Share of the picture that a window of the whole range of fewer bits may leave above it."""

_SAMPLE = 500_000
"""Values by which a contrast is judged."""


@dataclass(frozen=True)
class Window:
    """A window of a file, in modality units."""

    centre: float
    width: float
    function: str

    def __call__(self, values: Values) -> Pixels:
        """Grey in [0, 1]."""
        return contrast.apply_window(values, self.centre, self.width, function=self.function)

    def __str__(self) -> str:
        return Text(
            "scan.window-centre-centre",
            "window (centre {centre:g}, width {width:g})",
            centre=self.centre,
            width=self.width,
        )


def windows_of(header: Dataset, *, index: int) -> tuple[Window, ...]:
    """The windows for frame `index` that mean something by themselves, in the file's order."""
    for place in places(header, _MACRO, index=index):
        centres, widths = numbers(place, "WindowCenter"), numbers(place, "WindowWidth")
        if centres and widths:
            function = plain_text(place, "VOILUTFunction").upper() or plain_text(header, "VOILUTFunction").upper()
            given = function if function in contrast.FUNCTIONS else "LINEAR"
            pairs = zip(centres, widths, strict=False)
            return tuple(Window(*pair, given) for pair in pairs if contrast.window_works(*pair, function=given))
    return ()


def window_of(header: Dataset, units: Units, *, index: int) -> Window | None:
    """The first window for frame `index` that suits its values; None where there is none."""
    return next((window for window in windows_of(header, index=index) if suits(window, units)), None)


def shown(header: Dataset, units: Units, *, index: int, bits: int) -> tuple[Pixels, tuple[str, ...]]:
    """Grey (H, W) in [0, 1] as the file asks for it, and what to warn of.

    The first VOI lookup table that is complete, else the first window that suits the values, else the value range.
    """
    table, notes = _voi_table(header, units, index=index)
    if table is not None:
        return _through(table, units.values), notes
    windows = windows_of(header, index=index)
    if window := next((window for window in windows if suits(window, units)), None):
        if window != windows[0]:
            notes += (
                Text(
                    "scan.first-window",
                    "The file's first {first} does not suit its values, so its {window} was used.",
                    first=windows[0],
                    window=window,
                ),
            )
        return window(units.values), notes
    low, high = value_range(units, bits=bits)
    told = _told(windows, given=any(numbers(place, "WindowWidth") for place in places(header, _MACRO, index=index)))
    return contrast.scale(units.values, low=low, high=high), notes + _range_note(told, bits=bits)


def _voi_table(header: Dataset, units: Units, *, index: int) -> tuple[LookupTable | None, tuple[str, ...]]:
    """The VOI lookup table to show frame `index` through, where there is one that shows something."""
    items = (item_of(place, "VOILUTSequence") for place in places(header, _MACRO, index=index))
    item = next((item for item in items if item is not None), None)
    if item is None:
        return None, ()
    table = lookup_table(item, little_endian=is_little_endian(header), low=units.low, high=units.high)
    if table is None or _blank(_through(table, _sample(units.seen))):
        return None, (
            Text("scan.files-voi", "The file's VOI lookup table is incomplete or shows nothing, so it was left out."),
        )
    if table.plausible:
        return table, ()
    highest = table.range[1]
    note = Text(
        "scan.voi-lookup",
        "The VOI lookup table declares {declared} bits, but its highest entry is {highest:.0f}; grey was "
        "scaled to that.",
        declared=table.declared,
        highest=highest,
    )
    return table, (note,)


def suits(window: Window, units: Units) -> bool:
    """Whether a window shows values such as these, and was not left behind by a conversion."""
    if window.width > _WIDEST * (units.high - units.low + 1):
        return False
    values = _sample(units.seen)
    if _of_fewer_bits(window) and float(np.mean(values > window.centre + window.width / 2)) > _MOST_ABOVE:
        return False
    low, high = float(values.min()), float(values.max())
    pixels = window(values)
    if high - low >= _LEVELS - 1 and float(pixels.max()) - float(pixels.min()) < _LEAST_SPAN:
        return False
    return _inside(pixels) >= _LEAST_INSIDE or _inside(contrast.scale(values, low=low, high=high)) < _LEAST_INSIDE


def _of_fewer_bits(window: Window) -> bool:
    """Whether a window is the whole range of some number of bits, as converters write it."""
    width = round(window.width / 2) * 2
    return width in _WHOLE_RANGES and abs(window.centre - width / 2) <= 1


def _sample(values: Values) -> Values:
    """At most some _SAMPLE values, evenly spread."""
    flat = values.reshape(-1)
    return flat[:: max(1, flat.size // _SAMPLE)]


def value_range(units: Units, *, bits: int) -> tuple[float, float]:
    """Black and white where there is no window: the ends of what 8 bits can store, else of the values there are."""
    if bits <= SHALLOW:
        return units.low, units.high
    return float(units.seen.min()), float(units.seen.max())


def _inside(pixels: Pixels) -> float:
    """The share of grey values that a screen shows neither black nor white; a sigmoid never quite reaches either."""
    return float(np.mean((pixels > 1 / 512) & (pixels < 511 / 512)))


def _blank(pixels: Pixels) -> bool:
    return float(pixels.std()) < BLANK_SPREAD


def _through(table: LookupTable, values: Values) -> Pixels:
    low, high = table.range
    return contrast.scale(table(values), low=low, high=high)


NO_WINDOW = Text("scan.file-gives-no-usable-window", "The file gives no usable window")


def _told(windows: tuple[Window, ...], *, given: bool) -> str | None:
    """What the file says of windows, where none of it could be used."""
    if windows:
        return Text("scan.files-window", "The file's {window} does not suit its values", window=windows[0])
    return NO_WINDOW if given else None


def _range_note(told: str | None, *, bits: int) -> tuple[str, ...]:
    if bits <= SHALLOW:
        return (
            ()
            if told is None
            else (
                Text(
                    "scan.told-so", "{told}, so grey covers the whole range of {bits}-bit data.", told=told, bits=bits
                ),
            )
        )
    return (
        Text("scan.told-so-grey", "{told}, so grey runs from its lowest to its highest value.", told=told or NO_WINDOW),
    )
