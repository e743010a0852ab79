"""What the markers of a JPEG stream say before anything is decoded (ISO/IEC 10918-1, annex B)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

JPEG_MAGIC = b"\xff\xd8\xff"

_START_OF_SCAN, _APP14 = 0xDA, 0xEE
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a segment behind them."""

_FRAMES: dict[int, str] = {
    0xC0: "JPEG",
    0xC1: "JPEG (Extended)",
    0xC2: "progressive JPEG",
    0xC3: "JPEG Lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
    **dict.fromkeys((0xC9, 0xCA), "arithmetic-coded JPEG"),
    0xCB: "arithmetic-coded JPEG Lossless",
    0xF7: "JPEG-LS",
}
"""The start-of-frame markers (table B.1; ISO/IEC 14495-1 for JPEG-LS)."""

_LOSSLESS, _JPEG_LS = 0xC3, 0xF7
_SHALLOW = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
"""Forms that have 8 bits a sample unless their name says otherwise."""

_DECODERS: tuple[tuple[str, tuple[int, ...], range], ...] = (
    ("pillow", _SHALLOW, range(8, 9)),
    ("imagecodecs", (0xC0, 0xC1, 0xC2), range(12, 13)),
    ("imagecodecs", (_LOSSLESS,), range(2, 17)),
    ("pyjpegls", (_JPEG_LS,), range(2, 17)),
)
"""The package that decodes frames of these kinds and of so many bits a sample."""

_MOST_SEGMENTS = 4096
"""Segments walked through before the picture; ordinary files have ten, and a large colour profile takes 255."""


@dataclass(frozen=True)
class JpegHeader:
    """The frame header of one JPEG stream."""

    kind: int
    """The start-of-frame marker's second byte."""
    precision: int
    """Bits a sample."""
    height: int
    width: int
    ids: tuple[int, ...]
    """Component identifiers, one for each component."""
    adobe: int | None
    """The colour transform of an Adobe APP14 segment: 0 none, 1 YCbCr, 2 YCCK; None without one."""
    scan: int
    """Where the entropy-coded data begin."""

    @property
    def decoder(self) -> str | None:
        """The package that decodes this form; None where nothing here does."""
        for package, kinds, precisions in _DECODERS:
            if self.kind in kinds and self.precision in precisions:
                return package
        return None

    @property
    def lossless(self) -> bool:
        """Whether whole values were compressed, of JPEG Lossless or JPEG-LS, and no picture for the eye."""
        return self.kind in (_LOSSLESS, _JPEG_LS)

    @property
    def name(self) -> str:
        """The form as it stands in a sentence: "12-bit JPEG (Extended)"."""
        name = _FRAMES[self.kind]
        return name if self.precision == 8 or self.kind not in _SHALLOW else f"{self.precision}-bit {name}"


def jpeg_header(stream: bytes) -> JpegHeader | None:
    """The header of the JPEG or JPEG-LS picture that `stream` begins with; None where there is none to be found."""
    if not stream.startswith(JPEG_MAGIC):
        return None
    frame: tuple[int, bytes] | None = None
    adobe: int | None = None
    for marker, start, end in _segments(stream):
        if marker in _FRAMES and frame is None:
            frame = marker, stream[start:end]
        elif marker == _APP14 and stream[start : start + 5] == b"Adobe" and end - start >= 12:
            adobe = stream[start + 11]
        elif marker == _START_OF_SCAN:
            return None if frame is None else _header(*frame, adobe=adobe, scan=end)
    return None


def _segments(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Each marker segment as (marker, start, end of its content), up to the first scan."""
    position = 2
    for _ in range(_MOST_SEGMENTS):
        while position < len(stream) and stream[position] == 0xFF:  # fill bytes may precede a marker
            position += 1
        if position >= len(stream) or stream[position - 1] != 0xFF:
            return
        marker = stream[position]
        position += 1
        if marker in _ALONE:
            continue
        length = int.from_bytes(stream[position : position + 2])
        if length < 2 or position + length > len(stream):
            return
        yield marker, position + 2, position + length
        if marker == _START_OF_SCAN:
            return
        position += length


def _header(kind: int, content: bytes, *, adobe: int | None, scan: int) -> JpegHeader | None:
    if len(content) < 6 or len(content) < 6 + 3 * content[5]:
        return None
    precision, height, width, components = struct.unpack_from(">BHHB", content)
    ids = tuple(content[6 + 3 * n] for n in range(components))
    return JpegHeader(kind, precision, height, width, ids, adobe, scan)
