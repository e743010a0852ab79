"""Lookup tables of DICOM (PS3.3 C.11.1 and C.11.2), taken from their entries where a descriptor is wrong."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from meddef_core.scans.contrast import Values
from meddef_core.scans.damage import DAMAGE
from meddef_core.scans.dicom_attributes import numbers

_WORD = 2**16


@dataclass(frozen=True, eq=False)
class LookupTable:
    """`entries[n]` replaces the value `first + n`; values beyond either end take the entry at that end."""

    first: int
    entries: npt.NDArray[np.uint16]
    declared: int
    """Bits an entry is said to have."""

    @property
    def plausible(self) -> bool:
        """Whether the highest entry needs the bits declared: many files declare the bits allocated instead."""
        return int(self.entries.max()).bit_length() == self.declared

    @property
    def range(self) -> tuple[float, float]:
        """What is black and what is white: all that the declared bits hold, or else up to the highest entry."""
        return 0.0, 2.0**self.declared - 1 if self.plausible else float(self.entries.max())

    def __call__(self, values: Values) -> Values:
        """The entries for `values`, which are rounded where they are not whole numbers."""
        if np.issubdtype(values.dtype, np.floating):
            values = np.clip(np.rint(values), self.first, self.first + len(self.entries) - 1)
        places = values.astype(np.int64 if values.dtype.itemsize > 2 else np.int32) - self.first
        found: Values = self.entries[np.clip(places, 0, len(self.entries) - 1, out=places)]
        return found


def lookup_table(item: Dataset, *, little_endian: bool, low: float, high: float) -> LookupTable | None:
    """The table of one sequence item for values from `low` to `high`; None for one that is incomplete.

    The first value mapped may be written with the wrong sign, 65,536 too high or too low: the nearest to the values is
    taken.
    """
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3 or any(value != int(value) for value in descriptor):
        return None
    count, first, declared = (int(value) for value in descriptor)
    count = count % _WORD or _WORD
    first = max((first, first - _WORD, first + _WORD), key=lambda start: min(start + count, high) - max(start, low))
    entries = _entries(item, count, little_endian=little_endian)
    return None if entries is None else LookupTable(first, entries, declared)


def _entries(item: Dataset, count: int, *, little_endian: bool) -> npt.NDArray[np.uint16] | None:
    """LUT Data as US numbers or OW bytes, in which entries of 8 bits may be packed two a word."""
    try:
        data = item.LUTData
        if isinstance(data, bytes):
            packed = len(data) <= count + 1
            words = np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little_endian else ">u2")
            entries = words.astype("<u2").view(np.uint8).astype(np.uint16) if packed else words.astype(np.uint16)
        else:
            entries = np.asarray(data).astype(np.uint16).reshape(-1)
    except DAMAGE:
        return None
    return entries[:count] if len(entries) >= count else None
