"""A DICOM data set with no more elements, items and fragments than any scan has.

pydicom walks all of these one by one in Python, at some microseconds each, and a file of 20 MB can hold millions that
are empty. They are counted on the way: of what pydicom parses at once by the reads it does, of the sequences that it
leaves for later by walking their bytes.
"""

import io
import struct

from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from meddef_core.errors import ScanError
from meddef_core.text import Text

MAX_ELEMENTS = 100_000
"""Elements and items of one file at all depths. A volume of 1,000 frames with 60 elements each has 70,000."""

MAX_READS = 150_000
"""Reads in which pydicom parses one file; an element takes one to three, and an item costs the most of all."""

MAX_FRAGMENTS = 100_000
"""Pieces of compressed pixel data."""

MAX_VALUE = 65_534
"""Bytes of a value that is text or a few numbers: the most that explicit encoding has room for."""

_ITEM = (0xFFFE, 0xE000)
_DELIMITERS = ((0xFFFE, 0xE00D), (0xFFFE, 0xE0DD))
_UNDEFINED = 0xFFFFFFFF
_WIDE = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
"""Value representations whose length has four bytes in explicit encoding (PS3.5, 7.1.2)."""

_SEQUENCES = ("SQ", "UN", None)
"""What pydicom may take for a sequence later; None stands for implicit encoding."""

_LONG = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UC", "UN", "UR", "UT", "OB or OW", "US or OW"))


class BoundedReader(io.BytesIO):
    """A file in memory that is read a limited number of times."""

    left = MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise _too_many()
        return super().read(size)


def read_elements(data: bytes) -> Dataset:
    """The data set as pydicom reads it; raises ScanError where it holds more than any scan, and pydicom's own."""
    header = dcmread(BoundedReader(data), force=True)
    found = 0
    for tag in header.keys():  # noqa: SIM118  a Dataset iterates over converted elements
        element = header.get_item(tag)
        if not isinstance(element, RawDataElement) or not element.value:
            continue
        value = element.value
        if element.VR in _SEQUENCES and value[:4] in (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00"):
            found = _counted(value, found, explicit=not element.is_implicit_VR, little=element.is_little_endian)
        elif len(value) > MAX_VALUE and element.VR is None and _is_short(int(element.tag)):
            raise _too_many()
    return header


def check_fragments(encapsulated: bytes) -> None:
    """Raise ScanError where compressed pixel data come in more pieces than any scan."""
    position = 0
    for _ in range(MAX_FRAGMENTS):
        if position + 8 > len(encapsulated):
            return
        position += 8 + int.from_bytes(encapsulated[position + 4 : position + 8], "little")
    raise ScanError(
        Text("scan.dicom-pixels", "The DICOM pixels are cut into more pieces than a scan needs; export the scan again.")
    )


def _counted(value: bytes, found: int, *, explicit: bool, little: bool) -> int:
    """`found` and the elements and items in the bytes of a sequence; raises ScanError beyond MAX_ELEMENTS.

    What sequences hold is walked as if it stood outside them: only how many there are matters.
    """
    order = "<" if little else ">"
    tag_of, length_of, short_of = (struct.Struct(order + code).unpack_from for code in ("HH", "I", "H"))
    position = 0
    while position + 8 <= len(value):
        found += 1
        if found > MAX_ELEMENTS:
            raise _too_many()
        tag = tag_of(value, position)
        kind = value[position + 4 : position + 6]
        if tag == _ITEM or tag in _DELIMITERS:
            position += 8
            continue
        if not explicit:
            header, (length,) = 8, length_of(value, position + 4)
        elif kind in _WIDE:
            if position + 12 > len(value):
                break
            header, (length,) = 12, length_of(value, position + 8)
        else:
            header, (length,) = 8, short_of(value, position + 6)
        position += header
        if length == _UNDEFINED or value[position : position + 4] in (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00"):
            continue  # a sequence: its items follow
        if length > MAX_VALUE and not explicit and _is_short(tag[0] << 16 | tag[1]):
            raise _too_many()
        position += length
    return found


def _is_short(tag: int) -> bool:
    """Whether the standard gives this attribute text or numbers, not a table or other bytes."""
    try:
        return dictionary_VR(tag) not in _LONG
    except KeyError:  # a private attribute, which nobody here reads
        return False


def _too_many() -> ScanError:
    return ScanError(
        Text(
            "scan.dicom-header-holds",
            "The DICOM header contains more than a scan needs; export the scan again without private attributes.",
        )
    )
