"""Stored DICOM values in modality units: lookup table or rescale, and where the scanner padded the picture."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from meddef_core.scans import limits
from meddef_core.scans.contrast import Values
from meddef_core.scans.deidentify import plain_text
from meddef_core.scans.dicom_attributes import item_of, numbers, places, words_of
from meddef_core.scans.dicom_layout import Layout
from meddef_core.scans.dicom_lut import lookup_table
from meddef_core.text import Text

Mask = npt.NDArray[np.bool_]

_UNSCALED = (1.0, 0.0)


class Stored(NamedTuple):
    """One frame as it was stored."""

    values: Values
    """(H, W), or (H, W, 3) RGB."""
    layout: Layout
    padding: Mask | None
    """Where the scanner padded a grey picture; None where it did not."""


class Units(NamedTuple):
    """Grey values (H, W) in modality units."""

    values: Values
    low: float
    high: float
    """The range of what could be stored, in these units."""
    seen: Values
    """The values that are not padding; all of them where everything is."""


def in_units(stored: Stored, header: Dataset, *, index: int) -> tuple[Units, tuple[str, ...]]:
    """The values of frame `index` in modality units (PS3.3 C.11.1), still integers where nothing changes them.

    A rescale that leaves nothing of the picture is left out. Raises ScanError for values that are not finite.
    """
    values, low, high = stored.values, *_stored_range(stored)
    notes: tuple[str, ...] = ()
    if item := item_of(header, "ModalityLUTSequence"):
        table = lookup_table(item, little_endian=is_little_endian(header), low=low, high=high)
        if table is None:
            notes = (Text("scan.files-modality", "The file's modality lookup table is incomplete and was left out."),)
        else:
            if (_rescale(header, index) or (_UNSCALED,))[0] != _UNSCALED:
                notes = (
                    Text(
                        "scan.file-gives-both",
                        "The file gives both a modality lookup table and a rescale; the table was used.",
                    ),
                )
            values, low, high = table(values), float(table.entries.min()), float(table.entries.max())
    else:
        (slope, intercept), notes = _usable_rescale(header, index, low=low, high=high)
        if (slope, intercept) != _UNSCALED:
            values = values.astype(np.float32) * np.float32(slope) + np.float32(intercept)
            low, high = sorted((low * slope + intercept, high * slope + intercept))
    limits.check_finite(values)
    padding = stored.padding
    seen = values if padding is None or padding.all() else values[~padding]
    return Units(values, low, high, seen), notes


def _stored_range(stored: Stored) -> tuple[float, float]:
    if np.issubdtype(stored.values.dtype, np.floating):
        return float(stored.values.min()), float(stored.values.max())
    return stored.layout.range


def _rescale(header: Dataset, index: int) -> tuple[tuple[float, float], tuple[str, ...]] | None:
    """Slope and intercept of a frame, and what to warn of; None where neither is given."""
    for place in places(header, "PixelValueTransformationSequence", index=index):
        given = [word for word in ("RescaleSlope", "RescaleIntercept") if plain_text(place, word)]
        if given:
            slope, intercept = numbers(place, "RescaleSlope"), numbers(place, "RescaleIntercept")
            unread = (word for word in given if not numbers(place, word))
            notes = tuple(
                Text("scan.files-word", "The file's {word} is not a number and was left out.", word=words_of(word))
                for word in unread
            )
            return (slope[0] if slope else 1.0, intercept[0] if intercept else 0.0), notes
    return None


def _usable_rescale(
    header: Dataset, index: int, *, low: float, high: float
) -> tuple[tuple[float, float], tuple[str, ...]]:
    """The rescale to apply to stored values from `low` to `high`: none where it would leave no grey values apart."""
    (slope, intercept), notes = _rescale(header, index) or (_UNSCALED, ())
    if high == low or _keeps_apart(slope, intercept, low=low, high=high):
        return (slope, intercept), notes
    kept = (1.0, intercept) if _keeps_apart(1.0, intercept, low=low, high=high) else _UNSCALED
    used_slope, used_intercept = kept
    note = Text(
        "scan.rescale-slope",
        "Rescale Slope {slope:g} with Rescale Intercept {intercept:g} leaves no picture; {used_slope:g} and "
        "{used_intercept:g} were assumed.",
        slope=slope,
        intercept=intercept,
        used_slope=used_slope,
        used_intercept=used_intercept,
    )
    return kept, (*notes, note)


def _keeps_apart(slope: float, intercept: float, *, low: float, high: float) -> bool:
    """Whether the ends of a range are two different finite numbers after a rescale."""
    with np.errstate(over="ignore", invalid="ignore"):
        ends = np.array([low, high], np.float32) * np.float32(slope) + np.float32(intercept)
    return bool(np.isfinite(ends).all() and ends[0] != ends[1])


def is_little_endian(header: Dataset) -> bool:
    """The order of the bytes that the data set was written in."""
    return header.original_encoding[1] is not False


def padding_of(container: Values, values: Values, header: Dataset, layout: Layout) -> Mask | None:
    """Where the scanner padded the picture (PS3.3 C.7.5.1.1.2); None when it says nothing of padding.

    Padding values are 16 bits whose sign is that of the pixels, whichever type they were written with. One that the
    stored bits cannot hold stands in the whole `container`.
    """
    if np.issubdtype(values.dtype, np.floating):
        name = "DoubleFloatPixelPadding" if "DoubleFloatPixelData" in header else "FloatPixelPadding"
        ends = numbers(header, f"{name}Value") + numbers(header, f"{name}RangeLimit")[:1]
        return _between(values, ends) if ends else None
    first = numbers(header, "PixelPaddingValue")[:1]
    if not first:
        return None
    ends = tuple(_signed_as(layout, value) for value in (*first, *numbers(header, "PixelPaddingRangeLimit")[:1]))
    low, high = layout.range
    held = all(low <= value <= high for value in ends)
    return _between(values if held else container, ends)


def _signed_as(layout: Layout, value: float) -> float:
    """A padding value with the sign that the pixels have; written with the other sign it is off by a power of two."""
    low, high = layout.range
    for bits in (layout.stored, 16):
        for moved in (value, value - 2**bits if layout.signed else value + 2**bits):
            if low <= moved <= high:
                return moved
    return value if layout.signed or value >= 0 else value + 2**16


def _between(values: Values, ends: tuple[float, ...]) -> Mask:
    return np.asarray((values >= min(ends)) & (values <= max(ends)))
