"""What a JPEG 2000 frame asks a decoder for, from the codestream itself and without decoding (ISO/IEC 15444-1).

The decoder allocates by tiles, precincts and code blocks before it reads the first sample. A frame may be wrapped in
the boxes of a JP2 file, of which only the codestream box counts: other boxes may hold anything.
"""

import struct
from typing import NamedTuple

from meddef_core.errors import ScanError
from meddef_core.scans.damage import damaged
from meddef_core.text import Text

MAX_TILES = 4096
"""Tiles of one picture: 50 megapixels in tiles of 128 x 128 are 3,100."""

MAX_PARTS = 65_536
"""Precincts of one picture, and pieces that its tiles are sent in."""

MAX_BLOCKS = 2_000_000
"""Code blocks of one picture: 50 megapixels of RGB in blocks of 16 x 16 are 800,000, smaller sizes included."""

MAX_MARKERS = 1000
"""Segments before the first tile."""

_BOXES = 100
"""Boxes before the codestream."""

_SOC, _SIZ, _COD, _COC, _SOT, _SOD, _EOC = 0xFF4F, 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93, 0xFFD9
START_OF_STREAM = b"\xff\x4f\xff\x51"
"""How a codestream begins (A.4.1, A.5.1)."""


class Size(NamedTuple):
    """What the SIZ segment says (A.5.1)."""

    height: int
    width: int
    components: int
    tile_height: int
    tile_width: int
    tiles: int
    precision: int
    """Bits of a sample of the first component."""
    start: int
    """Where the codestream begins."""


def jpeg_2000_size(frame: bytes) -> Size:
    """The size that a decoder goes by; raises ScanError where there is none."""
    return _size(frame, _codestream(frame))


def check_jpeg_2000(frame: bytes) -> None:
    """Raise ScanError where a decoder would have to allocate out of all proportion to the picture."""
    start = _codestream(frame)
    size = _size(frame, start)
    if size.tiles > MAX_TILES:
        raise ScanError(
            Text(
                "scan.jpeg-2000",
                "The JPEG 2000 pixels are cut into {tiles} tiles; export the scan again in one piece.",
                tiles=size.tiles,
            )
        )
    _check_segments(frame, start + 2, size)


def _codestream(frame: bytes) -> int:
    """Where the codestream begins; the boxes before it are stepped over by their lengths (I.4)."""
    if frame.startswith(START_OF_STREAM):
        return 0
    position = 0
    for _ in range(_BOXES):
        length, kind = struct.unpack_from(">I4s", frame, position)
        header = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", frame, position + 8)
            header = 16
        if kind == b"jp2c":
            if not frame.startswith(START_OF_STREAM, position + header):
                break
            return position + header
        if length < header:
            break
        position += length
    raise damaged("DICOM")


def _size(frame: bytes, start: int) -> Size:
    """Read the SIZ segment of the codestream that begins at `start`."""
    right, bottom, left, top, width, height, first, above = struct.unpack_from(">8I", frame, start + 8)
    components, depth = struct.unpack_from(">HB", frame, start + 40)
    if not width or not height or right <= left or bottom <= top or first > left or above > top:
        raise damaged("DICOM")
    tiles = -(-(right - first) // width) * -(-(bottom - above) // height)
    return Size(
        height=bottom - top,
        width=right - left,
        components=components,
        tile_height=min(height, bottom - top),
        tile_width=min(width, right - left),
        tiles=tiles,
        precision=(depth & 0x7F) + 1,
        start=start,
    )


def _check_segments(frame: bytes, position: int, size: Size) -> None:
    """Walk the segments of the main header and of every piece of a tile."""
    markers = pieces = 0
    end: int | None = None  # where the piece that is walked ends
    while position + 4 <= len(frame):
        kind, length = struct.unpack_from(">HH", frame, position)
        markers += 1
        if kind == _EOC:
            return
        if kind == _SOD:
            if not end:  # the last piece, which reaches to the end
                return
            position, end = end, None
            continue
        if kind == _SOT:
            (piece,) = struct.unpack_from(">I", frame, position + 6)
            end, pieces = position + piece if piece else None, pieces + 1
            if piece and piece < 14:
                raise damaged("DICOM")
        elif kind in (_COD, _COC):
            _check_coding(frame, position, size, components_before=kind == _COC)
        if markers > (4 * MAX_PARTS if pieces else MAX_MARKERS) or pieces > MAX_PARTS or length < 2:
            raise damaged("DICOM")
        position += 2 + length


def _check_coding(frame: bytes, position: int, size: Size, *, components_before: bool) -> None:
    """Refuse a COD or COC segment (A.6.1, A.6.2) that makes far more precincts or code blocks than a picture needs."""
    at = position + 4
    styles = frame[at]
    if components_before:
        wide = 1 if size.components < 257 else 2
        styles = frame[at + wide]
        at += wide + 1
    else:
        layers = struct.unpack_from(">H", frame, at + 2)[0]
        at += 5
        if layers * size.tiles > MAX_BLOCKS:
            raise ScanError(
                Text(
                    "scan.jpeg-2000-pixels",
                    "The JPEG 2000 pixels are stored in too many layers; export the scan again.",
                )
            )
    levels, across, down = frame[at], 2 ** (frame[at + 1] + 2), 2 ** (frame[at + 2] + 2)
    if levels > 32:
        raise damaged("DICOM")
    precincts = blocks = 0
    for level in range(levels + 1):  # from the smallest picture to the whole one
        shrink = levels - level
        height, width = -(-size.tile_height >> shrink), -(-size.tile_width >> shrink)
        sides = frame[at + 5 + level] if styles & 1 else 0xFF
        high, wide = 2 ** (sides >> 4), 2 ** (sides & 15)
        precincts += -(-height // high) * -(-width // wide)
        blocks += -(-height // min(down, high)) * -(-width // min(across, wide))
    if precincts * size.tiles > MAX_PARTS or blocks * size.tiles * size.components > MAX_BLOCKS:
        raise ScanError(
            Text(
                "scan.jpeg-2000-pixels-cut", "The JPEG 2000 pixels are cut into too many pieces; export the scan again."
            )
        )
