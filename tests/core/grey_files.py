"""DICOM files for tests of the grey-scale pipeline, and what they show by the standard's own formulas."""

from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from scan_files import Array, ramp, written

from meddef_core.scans import Scan

TWELVE = ramp(high=4095, dtype=np.uint16)
SIXTEEN = ramp(high=65535, dtype=np.uint16)


def near(pixels: Array, expected: Array, atol: float = 3e-6) -> None:
    np.testing.assert_allclose(pixels, expected, atol=atol)


def stretched(values: Array) -> Array:
    values = values.astype(float)
    return (values - values.min()) / (values.max() - values.min())


def linear(values: Array, centre: float, width: float) -> Array:
    """PS3.3 C.11.2.1.2.1, word for word, for an output range of 0 to 1."""
    shown = ((values - (centre - 0.5)) / (width - 1) + 0.5) * 1.0
    shown = np.where(values <= centre - 0.5 - (width - 1) / 2, 0.0, shown)
    return np.where(values > centre - 0.5 + (width - 1) / 2, 1.0, shown)


def group(macro: str, **elements: Any) -> Dataset:
    """A functional group that holds one macro of one item."""
    item, holder = Dataset(), Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    setattr(holder, macro, Sequence([item]))
    return holder


def only_warning(scan: Scan) -> str:
    assert len(scan.warnings) == 1, scan.warnings
    return scan.warnings[0]


def raw(ds: Dataset, keyword: str, text: bytes) -> bytes:
    """The file with an attribute's value written as this text of even length, which pydicom would refuse to write."""
    setattr(ds, keyword, "1" * len(text))
    place, data = ds[keyword].tag, written(ds)
    mark = place.group.to_bytes(2, "little") + place.element.to_bytes(2, "little")
    start = data.index(mark) + 8
    return data[:start] + text + data[start + len(text) :]


def table(entries: list[int], *, first: int = 0, bits: int, packed: bool = False, vr: str = "US") -> Sequence:
    """A lookup table sequence; `vr` "OW" writes bytes, which may be `packed`."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries) % 65536, first, bits])
    if vr == "US":
        item.add_new("LUTData", "US", entries)
    else:
        item.add_new("LUTData", "OW", np.array(entries, "u1" if packed else "<u2").tobytes())
    return Sequence([item])
