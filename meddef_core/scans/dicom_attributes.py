"""Attributes of a DICOM header as numbers, however they were written; and where those of one frame stand.

Values are taken from the raw bytes: pydicom raises on a decimal comma, and logs what it finds odd.
"""

import math
import re
from collections.abc import Iterable

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from meddef_core.scans.damage import DAMAGE

_TEXT_VRS = frozenset(("AE", "CS", "DS", "IS", "LO", "LT", "SH", "ST", "UC", "UT"))


def numbers(item: Dataset, keyword: str) -> tuple[float, ...]:
    """The finite numbers of an attribute, in order; empty when it is absent or its first value is no number.

    A decimal comma counts as a point. What stands behind a value that is no number is left out.
    """
    found: list[float] = []
    for value in _values(item, keyword):
        try:
            number = float(str(value).strip(" \0").replace(",", "."))
        except ValueError:
            break
        if not math.isfinite(number):
            break
        found.append(number)
    return tuple(found)


def whole(item: Dataset, keyword: str) -> int | None:
    """An attribute's first value as a whole number; None when it is absent or not one."""
    values = numbers(item, keyword)
    return int(values[0]) if values and values[0] == int(values[0]) else None


def words_of(keyword: str) -> str:
    """The name of an attribute: "Rescale Slope" for RescaleSlope."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", keyword)


def _values(item: Dataset, keyword: str) -> Iterable[object]:
    if keyword not in item:
        return ()
    element = item.get_item(keyword)
    vr = element.VR if element.VR not in (None, "UN") else dictionary_VR(element.tag)
    if isinstance(element.value, bytes) and vr in _TEXT_VRS:
        return element.value.decode("ascii", "replace").split("\\")
    try:
        value = item[keyword].value
    except DAMAGE:
        return ()
    return value if isinstance(value, list | tuple | MultiValue) else (value,)


def places(header: Dataset, macro: str, *, index: int) -> tuple[Dataset, ...]:
    """Where to look for what holds for frame `index`: its own functional group, the shared one, then the root.

    `macro` is the keyword of the functional group's sequence (PS3.3 C.7.6.16.2).
    """
    own = item_of(header, "PerFrameFunctionalGroupsSequence", index)
    groups = (own, item_of(header, "SharedFunctionalGroupsSequence"))
    held = (None if group is None else item_of(group, macro) for group in groups)
    return (*(item for item in held if item is not None), header)


def item_of(item: Dataset, keyword: str, index: int = 0) -> Dataset | None:
    """Item `index` of a sequence; None where there is no such item."""
    try:
        sequence = item.get(keyword)
        found = sequence[index] if sequence and index < len(sequence) else None
    except DAMAGE:
        return None
    return found if isinstance(found, Dataset) else None
