"""What the directories of a TIFF hold and would cost to decode, without decoding any (TIFF revision 6.0).

A directory may hold 65,535 entries, each of which may point to the same 20 MB, and Pillow reads all of them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from meddef_core.errors import ScanError
from meddef_core.scans import limits
from meddef_core.scans.damage import damaged
from meddef_core.scans.jpeg_stream import check_jpeg
from meddef_core.text import Text

MAX_DIRECTORIES = 2000
"""Pages and their parts of one file."""

MAX_ENTRIES = 500
"""Entries of one directory; an ordinary one has some twenty."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of a value of each field type."""

_WHOLE = {1: "B", 3: "H", 4: "I", 13: "I"}
"""Types of whole numbers."""

_SUBFILE, _WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_STRIPS, _SAMPLES, _STRIP_BYTES = 273, 277, 279
_TILE_WIDTH, _TILE_LENGTH, _TILES, _TILE_BYTES, _FORMAT = 322, 323, 324, 325, 339
_PARTS = (330, 34665, 34853, 40965)
"""Pointers to further directories: smaller versions, EXIF, GPS, interoperability."""

_NUMBERS = frozenset(
    (
        *(_SUBFILE, _WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _SAMPLES, _STRIP_BYTES),
        *(_TILE_WIDTH, _TILE_LENGTH, _TILES, _TILE_BYTES, _FORMAT, *_PARTS),
    )
)

_JPEG = 7
_COMPRESSIONS = (1, 5, _JPEG, 8, 32773, 32946)
"""None, LZW, JPEG, deflate, PackBits, and the older number of deflate."""

_PHOTOMETRICS = (0, 1, 2, 3, 5, 6)
"""Grey from white or from black, RGB, palette, CMYK, YCbCr."""

_DEPTHS = (1, 2, 4, 8, 12, 16)
_REDUCED_OR_MASK = 0b101
"""Bits of NewSubfileType: a smaller version of another page, or its mask."""


@dataclass(frozen=True)
class Page:
    """One picture of a file, as its directory describes it."""

    place: int
    """Of its directory among all, from 0."""
    bits: int
    """Of a sample."""
    white_is_zero: bool
    entries: dict[int, tuple[int, ...]]


def read_pages(data: bytes) -> tuple[Page, ...]:
    """The pages of a TIFF, without smaller versions of them; raises ScanError where it is damaged or costs too much.

    struct.error and LookupError pass for a file that is cut short.
    """
    order = "<" if data.startswith(b"II") else ">"
    directories = _Directories(data, order)
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    pages: list[Page] = []
    for place, entries in enumerate(directories.chain(start)):
        if not entries.get(_SUBFILE, (0,))[0] & _REDUCED_OR_MASK:
            white = entries.get(_PHOTOMETRIC, (1,))[0] == 0
            pages.append(Page(place, max(entries.get(_BITS, (1,))), white, entries))
    if not pages:
        raise damaged("TIFF")
    return tuple(pages)


def sizes_of(pages: tuple[Page, ...]) -> tuple[tuple[int, int], ...]:
    """Rows and columns of each page; LookupError passes where a directory gives none."""
    return tuple((page.entries[_LENGTH][0], page.entries[_WIDTH][0]) for page in pages)


def check_page(data: bytes, page: Page) -> None:
    """Refuse a page that is too large, or in a form that is not read; raises ScanError."""
    entries = page.entries
    width, height = entries[_WIDTH][0], entries[_LENGTH][0]
    limits.check_size(height, width, smallest=1)
    if _TILE_WIDTH in entries:
        limits.check_size(entries[_TILE_LENGTH][0], entries[_TILE_WIDTH][0], smallest=1)
    bits, samples = set(entries.get(_BITS, (1,))), entries.get(_SAMPLES, (1,))[0]
    kinds = set(entries.get(_FORMAT, (1,)))
    if len(bits) > 1 or page.bits not in _DEPTHS or samples > 5 or not kinds <= {1, 4}:
        raise unread_samples(page)
    photometric = entries.get(_PHOTOMETRIC, (1,))[0]
    if photometric not in _PHOTOMETRICS:
        raise _unread(
            Text(
                "scan.another-colour",
                "in another colour space (Photometric Interpretation {photometric})",
                photometric=photometric,
            ),
            Text("scan.export-grey", "export it as grey or RGB"),
        )
    compression = entries.get(_COMPRESSION, (1,))[0]
    if compression not in _COMPRESSIONS:
        raise _unread(
            Text("scan.another-compression", "in another compression (number {compression})", compression=compression),
            Text("scan.export-uncompressed", "export it uncompressed, or as PNG"),
        )
    if compression == _JPEG:
        _check_jpegs(data, entries)


def unread_samples(page: Page) -> ScanError:
    """The refusal of a page for the kind of its samples."""
    kinds = set(page.entries.get(_FORMAT, (1,)))
    kind = (
        Text("scan.samples-signed", "signed")
        if 2 in kinds
        else Text("scan.samples-floating-point", "floating-point")
        if 3 in kinds
        else Text("scan.samples-unusual", "an unusual kind of")
    )
    return _unread(
        Text("scan.kind-samples", "with {kind} samples of {bits} bits", kind=kind, bits=page.bits),
        Text("scan.export-ordinary", "export it as ordinary grey or RGB, or as PNG"),
    )


def _check_jpegs(data: bytes, entries: dict[int, tuple[int, ...]]) -> None:
    starts = entries.get(_TILES) or entries[_STRIPS]
    sizes = entries.get(_TILE_BYTES) or entries[_STRIP_BYTES]
    if sum(sizes) > len(data):
        raise damaged("TIFF")
    for start, size in zip(starts, sizes, strict=True):
        check_jpeg(data[start : start + size])


def _unread(form: str, remedy: str) -> ScanError:
    return ScanError(
        Text(
            "scan.tiff-stored", "The TIFF is stored {form}, which is not read here; {remedy}.", form=form, remedy=remedy
        )
    )


class _Directories:
    """The directories of a file, each visited once; what their entries take together is limited by the file's size."""

    def __init__(self, data: bytes, order: str) -> None:
        self._data = data
        self._order = order
        self._seen: set[int] = set()
        self._left = len(data)

    def chain(self, start: int) -> Iterator[dict[int, tuple[int, ...]]]:
        """The directory at `start` and those that follow it; their parts are looked through as well."""
        while start:
            entries, following = self._entries(start)
            for part in (part for tag in _PARTS for part in entries.get(tag, ())):
                self._look_through(part)
            yield entries
            start = following

    def _look_through(self, start: int) -> None:
        while start:
            _, start = self._entries(start)

    def _entries(self, start: int) -> tuple[dict[int, tuple[int, ...]], int]:
        (count,) = struct.unpack_from(f"{self._order}H", self._data, start)
        self._seen.add(start)
        if count > MAX_ENTRIES or len(self._seen) > MAX_DIRECTORIES:
            raise _too_many()
        found = {}
        for number in range(count):
            place = start + 2 + 12 * number
            tag, kind, length = struct.unpack_from(f"{self._order}HHI", self._data, place)
            size = _SIZES.get(kind, 1) * length
            self._left -= size
            if self._left < 0:
                raise _too_many()
            if size > 4:
                (place,) = struct.unpack_from(f"{self._order}I", self._data, place + 8)
            else:
                place += 8
            if tag in _NUMBERS and kind in _WHOLE and length:
                found[tag] = struct.unpack_from(f"{self._order}{length}{_WHOLE[kind]}", self._data, place)
        (following,) = struct.unpack_from(f"{self._order}I", self._data, start + 2 + 12 * count)
        if following in self._seen:
            raise damaged("TIFF")
        return found, following


def _too_many() -> ScanError:
    return ScanError(
        Text("scan.tiff-holds", "The TIFF contains more than a scan needs; export the scan again as a single image.")
    )
