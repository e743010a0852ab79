"""More hostile files: of the formats that `hostile_files` says little of. `MORE` names each and makes it."""

import struct
import zlib
from collections.abc import Callable

from hostile_files import in_dicom
from pydicom import uid

NEARLY_20_MB = 19_500_000
SHORT, LONG = 3, 4
"""Types of TIFF values."""


def tiff(*entries: tuple[int, int, int, int], data: bytes = b"", after: int = 0) -> bytes:
    """A little-endian TIFF of one directory: entries of (tag, type, count, value), the next directory, then data."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + struct.pack("<I", after) + data


def picture(width: int, height: int, *more: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
    """Entries of a grey 8-bit picture in one strip behind a directory of so many entries."""
    own = [(256, LONG, 1, width), (257, LONG, 1, height), (258, SHORT, 1, 8), (262, SHORT, 1, 1), (277, SHORT, 1, 1)]
    tags = {each[0] for each in more}
    return [each for each in own if each[0] not in tags] + list(more)


def tiff_strip(width: int, height: int, *, length: int, compression: int, data: bytes) -> bytes:
    count = 8
    start = 8 + 2 + 12 * (count + 1) + 4
    more = [(259, SHORT, 1, compression), (273, LONG, 1, start), (278, LONG, 1, height), (279, LONG, 1, length)]
    return tiff(*picture(width, height, *more), data=data)


def tiff_bomb() -> bytes:
    """A strip that inflates to 400 MB where the picture has 64 x 64."""
    data = zlib.compress(bytes(400_000_000), 9)
    return tiff_strip(64, 64, length=len(data), compression=8, data=data)


def tiff_tiles_of_one_pixel() -> bytes:
    more = [(259, SHORT, 1, 1), (322, LONG, 1, 16), (323, LONG, 1, 16)]
    more += [(324, LONG, 4_000_000, 8), (325, LONG, 4_000_000, 8)]
    return tiff(*picture(32_000, 32_000, *more), data=bytes(16_000_000))


def big_tiff() -> bytes:
    """A directory that says it has 2^60 entries."""
    return b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, 2**60) + bytes(4096)


def bmp(width: int, height: int, *, bits: int = 8, compression: int = 0, data: bytes = b"") -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 256, 0)
    offset = 14 + 40 + 1024
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + bytes(1024) + data


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_canvas() -> bytes:
    """An extended header of 16 million pixels a side, and a lossless picture of 16,383."""
    size = (2**24 - 1).to_bytes(3, "little")
    lossless = b"\x2f" + struct.pack("<I", 16_382 | 16_382 << 14) + bytes(64)
    return riff((b"VP8X", bytes(4) + size + size), (b"VP8L", lossless))


def webp_chunks() -> bytes:
    return riff((b"VP8X", bytes(4) + b"\x3f\0\0\x3f\0\0"), *[(b"JUNK", b"")] * (NEARLY_20_MB // 8))


def marker(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind)) + struct.pack(">H", len(data) + 2) + data


def frame(kind: int, side: int, *, bits: int = 16, data: bytes = b"") -> bytes:
    """A JPEG of any process with one component."""
    size = struct.pack(">BHHB", bits, side, side, 1) + b"\1\x11\0"
    scan = b"\1\1\0\1\0\0" if kind != 0xF7 else b"\1\1\0\0\0\0"
    return b"\xff\xd8" + marker(kind, size) + marker(0xDA, scan) + data + b"\xff\xd9"


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, colour: int = 0) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + png_chunk(b"IEND", b"")


def with_offsets() -> bytes:
    """A DICOM whose table of offsets has almost five million entries, all of the same frame."""
    whole = in_dicom(b"\xff\xd8\xff\xd9", uid.JPEGBaseline8Bit)
    head, _, _ = whole.partition(struct.pack("<HH", 0x7FE0, 0x10))
    item = struct.pack("<HHI", 0xFFFE, 0xE000, NEARLY_20_MB) + bytes(NEARLY_20_MB)
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return head + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF) + item + end


MORE: dict[str, Callable[[], bytes]] = {
    "TIFF: 100,000 x 100,000": lambda: tiff_strip(100_000, 100_000, length=100, compression=5, data=bytes(100)),
    "TIFF: a strip of 4 GB": lambda: tiff_strip(64, 64, length=2**32 - 1, compression=1, data=bytes(64)),
    "TIFF: a strip that inflates to 400 MB": tiff_bomb,
    "TIFF: a directory that follows itself": lambda: tiff(*picture(64, 64), after=8),
    "TIFF: four million tiles": tiff_tiles_of_one_pixel,
    "TIFF: a directory of 2^60 entries": big_tiff,
    "BMP: 60,000 x 60,000": lambda: bmp(60_000, 60_000),
    "BMP: a height of -2^31": lambda: bmp(64, -(2**31)),
    "BMP: runs over 30,000 x 30,000": lambda: bmp(30_000, 30_000, compression=1, data=b"\xff\0" * 100_000),
    "WebP: a canvas of 16 million pixels a side": webp_canvas,
    "WebP: 2.4 million empty chunks": webp_chunks,
    "JPEG-LS: 65,535 x 65,535": lambda: frame(0xF7, 65_535),
    "JPEG Lossless: 65,535 x 65,535": lambda: frame(0xC3, 65_535),
    "12-bit JPEG: 65,535 x 65,535": lambda: frame(0xC1, 65_535, bits=12),
    "JPEG Lossless: 19 MB of escaped marks": lambda: frame(0xC3, 7000, data=b"\xff\0" * (NEARLY_20_MB // 2)),
    "PNG: a palette of 19 MB": lambda: png(png_chunk(b"PLTE", bytes(NEARLY_20_MB)), colour=3),
    "PNG: Exif data of 19 MB": lambda: png(png_chunk(b"eXIf", b"MM\0*\0\0\0\x08" + b"\xff" * NEARLY_20_MB)),
    "DICOM: an offset table of 19 MB": with_offsets,
}
