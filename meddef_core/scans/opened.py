"""The bytes of a picture to an opened Pillow image, nothing of it decoded, once its own header has been checked.

The format's own Pillow class is opened, never `Image.open`: the size is checked against our limit from the header
alone, and Pillow's process-wide decompression-bomb setting is neither needed nor touched.
"""

import io
import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from meddef_core.errors import ScanError
from meddef_core.scans import limits
from meddef_core.scans.damage import damaged
from meddef_core.scans.jpeg_header import JPEG_MAGIC, JpegHeader, jpeg_header
from meddef_core.scans.jpeg_planes import decode_planes
from meddef_core.scans.jpeg_stream import check_jpeg
from meddef_core.scans.png_stream import check_png
from meddef_core.scans.tiff_header import check_page, read_pages, unread_samples
from meddef_core.text import Text

_END_OF_IMAGE = b"\xff\xd9"


class Opened(NamedTuple):
    """A picture whose samples are decoded by `image.load()`."""

    image: Image.Image
    bits: int
    """Of a sample, which Pillow does not tell."""
    frames: int = 1
    """Pictures in the file."""
    white_is_zero: bool = False
    """Whether samples of 16 bits are stored inverted; Pillow minds it at 8."""


def container_of(data: bytes) -> str | None:
    """The name of the format of a picture, by its first bytes; None for anything else."""
    return next((name for offset, mark, name in _MARKS if data.startswith(mark, offset)), None)


def opened(data: bytes, *, container: str, frame: int | None, smallest: int) -> Opened:
    """The picture, which has at least `smallest` pixels a side; raises ScanError, FrameError for one of several pages.

    The library's own exceptions pass.
    """
    if container == "TIFF":
        found = _open_tiff(data, frame)
    else:
        limits.frame_index(frame, frames=1)
        found = _OPENERS[container](data)
    limits.check_size(found.image.height, found.image.width, smallest=smallest)
    return found


def _open_png(data: bytes) -> Opened:
    if data[12:16] != b"IHDR":
        raise damaged("PNG")
    width, height, bits = struct.unpack(">IIB", data[16:25])
    limits.check_size(height, width, smallest=1)
    check_png(data)
    image = PngImageFile(io.BytesIO(data))
    if image.is_animated:
        raise _animation("PNG")
    return Opened(image, bits)


def _open_jpeg(data: bytes) -> Opened:
    check_jpeg(data)
    header = jpeg_header(data)
    if header is None or header.decoder == "pillow":
        return Opened(JpegImageFile(io.BytesIO(data)), 8)
    if header.decoder is None or len(header.ids) not in (1, 3):
        raise ScanError(
            Text(
                "scan.file-stored",
                "The file is stored as {name}, which is not read here; export the scan as PNG or ordinary JPEG.",
                name=header.name,
            )
        )
    return _open_planes(data, header)


def _open_planes(data: bytes, header: JpegHeader) -> Opened:
    """A form of JPEG that Pillow does not read: decoded at once, as its size is known."""
    limits.check_size(header.height, header.width, smallest=1)
    if data.find(_END_OF_IMAGE, header.scan) < 0:
        raise damaged("JPEG")
    values = decode_planes(data, header)
    if values.ndim == 2:
        return Opened(Image.fromarray(values), header.precision)
    # Colour is read at 8 bits a channel, as it is of a PNG.
    if header.precision > 8:
        values = (values >> (header.precision - 8)).astype(np.uint8)
    is_ybr = header.adobe == 1 or (header.adobe is None and not header.lossless and header.ids != tuple(b"RGB"))
    image = Image.fromarray(np.ascontiguousarray(values))
    if is_ybr:
        image = Image.frombytes("YCbCr", image.size, image.tobytes()).convert("RGB")
    return Opened(image, header.precision)


def _open_bmp(data: bytes) -> Opened:
    return Opened(BmpImageFile(io.BytesIO(data)), 8)


def _open_webp(data: bytes) -> Opened:
    """Pillow makes room for the whole picture when it opens one, so that its size is looked for before."""
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        if body[0] & 2:
            raise _animation("WebP")
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
    elif kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", body, 1)
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
    else:
        raise damaged("WebP")
    limits.check_size(height, width, smallest=1)
    return Opened(WebPImageFile(io.BytesIO(data)), 8)


def _open_tiff(data: bytes, frame: int | None) -> Opened:
    pages = read_pages(data)
    page = pages[limits.frame_index(frame, frames=len(pages))]
    check_page(data, page)
    try:
        image = TiffImageFile(io.BytesIO(data))
        image.seek(page.place)
    except SyntaxError as error:  # Pillow's "unknown pixel mode", as the directories are whole
        raise unread_samples(page) from error
    return Opened(image, page.bits, len(pages), page.white_is_zero)


def _animation(container: str) -> ScanError:
    return ScanError(
        Text(
            "scan.container-animation",
            "The {container} is an animation; save the one picture to be read as a plain {container}.",
            container=container,
        )
    )


_OPENERS: dict[str, Callable[[bytes], Opened]] = {
    "PNG": _open_png,
    "JPEG": _open_jpeg,
    "BMP": _open_bmp,
    "WebP": _open_webp,
}

_MARKS = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, JPEG_MAGIC, "JPEG"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"BM", "BMP"),
    (8, b"WEBP", "WebP"),
)
"""Where the mark of a format stands, the mark, the format."""
