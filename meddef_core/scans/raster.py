"""PNG and JPEG through Pillow.

The format's own Pillow class is opened, never `Image.open`: the size is checked against our limit from the header
alone, and Pillow's process-wide decompression-bomb setting is neither needed nor touched.
"""

import io
import struct
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from meddef_core.errors import ScanError
from meddef_core.scans import contrast, limits
from meddef_core.scans.colour import NOTES, Colouring, colouring
from meddef_core.scans.contrast import Values
from meddef_core.scans.damage import DAMAGE, damaged, refusing_damage
from meddef_core.scans.jpeg_header import jpeg_header
from meddef_core.scans.jpeg_stream import check_jpeg
from meddef_core.scans.png_stream import check_png
from meddef_core.scans.scan import Pixels, Scan, digest_of

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation (EXIF 2.32, tag 0x0112); 1 and unknown values need nothing."""

_GREY_MODES = ("1", "L", "LA")
"""Pillow's modes of a picture without colours; those of 16 bits begin with I."""

_DEPTHS = (8, 10, 12, 14, 16)
"""Bits that detectors give, one of which the values of a 16-bit PNG have."""


class _Grey(NamedTuple):
    """Decoded samples before scaling: `values` (H, W) run from 0 to 2**depth - 1."""

    values: Values
    depth: int
    notes: tuple[str, ...]
    colours: Colouring = "grey"


def read_raster(
    data: bytes, *, container: str, frame: int | None = None, window: tuple[float, float] | None = None
) -> Scan:
    """Decode one PNG or JPEG (`container` says which) to a Scan; raises ScanError.

    Colour becomes luminance by ITU-R 601 exactly as Pillow's `convert("L")`; transparent parts show black, the
    background of both modalities. `window` is (centre, width) in stored values; `frame` can only be 1.
    """
    limits.frame_index(frame, frames=1)
    with refusing_damage(container):
        image, bits, notes = _decoded(data, container)
        grey = _grey(image, bits)
    if window is None:
        pixels = contrast.scale(grey.values, low=0.0, high=float(2**grey.depth - 1))
    else:
        pixels = contrast.apply_window(grey.values, *window)
    limits.check_not_blank(pixels, windowed=window is not None)
    return Scan(
        pixels=pixels,
        container=container,
        bits=bits,
        digest=digest_of(data),
        warnings=notes + grey.notes,
        false_colour=grey.colours == "false",
    )


def stored_grey(data: bytes) -> tuple[Values, int]:
    """The grey values (H, W) of a PNG before scaling, and their depth in bits; raises ScanError as `read_raster`."""
    with refusing_damage("PNG"):
        image, bits, _ = _decoded(data, "PNG")
        grey = _grey(image, bits)
    return grey.values, grey.depth


def read_channels(data: bytes, *, container: str, channels: int) -> Pixels:
    """A PNG or JPEG of any size as float32 (channels, H, W) in [0, 1], a view not to be written to; raises ScanError.

    One channel is the grey of `read_raster`. Of three, a grey picture has that grey in each, another its colours.
    """
    with refusing_damage(container):
        image, bits, _ = _decoded(data, container, smallest=1)
        if channels == 1 or image.mode in _GREY_MODES or image.mode.startswith("I"):
            grey = _grey(image, bits)
            pixels = contrast.scale(grey.values, low=0.0, high=float(2**grey.depth - 1))
            return np.broadcast_to(pixels, (channels, *pixels.shape))
        if image.has_transparency_data:
            image, _ = _on_black(image)
        values = np.asarray(image.convert("RGB"))
    return np.moveaxis(contrast.scale(values, low=0.0, high=255.0), 2, 0)


def _decoded(
    data: bytes, container: str, *, smallest: int = limits.MIN_SIDE
) -> tuple[Image.Image, int, tuple[str, ...]]:
    """The picture as it stands upright, its bits a sample, and what to warn of."""
    image, bits = _open_png(data) if container == "PNG" else _open_jpeg(data)
    limits.check_size(image.height, image.width, smallest=smallest)
    image.load()
    upright, notes = _upright(image)
    return upright, bits, notes


def _open_jpeg(data: bytes) -> tuple[ImageFile, int]:
    """The JPEG opened but not decoded, and its bits a sample; raises ScanError for a form that is not read."""
    check_jpeg(data)
    header = jpeg_header(data)
    if header is not None and header.unread is not None:
        raise ScanError(
            f"The file is stored as {header.unread}, which is not read here; export the scan as PNG or ordinary JPEG."
        )
    return JpegImageFile(io.BytesIO(data)), 8


def _open_png(data: bytes) -> tuple[ImageFile, int]:
    """The PNG opened but not decoded, and its bits a sample, which Pillow does not tell."""
    if data[12:16] != b"IHDR":
        raise damaged("PNG")
    width, height, bits = struct.unpack(">IIB", data[16:25])
    limits.check_size(height, width, smallest=1)
    check_png(data)
    image = PngImageFile(io.BytesIO(data))
    if image.is_animated:
        raise ScanError("The PNG is an animation; save the one picture to be read as a plain PNG.")
    return image, bits


def _upright(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Turn the picture as its EXIF orientation asks; broken EXIF costs a warning, not the picture."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except DAMAGE:
        return image, ("The orientation noted in the file could not be read; check that the scan is upright.",)
    method = _UPRIGHT.get(orientation)
    if method is None:
        return image, ()
    return image.transpose(method), ("The picture was turned as its EXIF orientation asks.",)


def _grey(image: Image.Image, bits: int) -> _Grey:
    """Luminance of any Pillow mode that PNG and JPEG produce."""
    if image.mode.startswith("I"):
        return _sixteen_bit(np.asarray(image).astype(np.uint16))
    notes: tuple[str, ...] = ()
    if bits == 16:
        notes = ("A colour or transparent PNG of 16 bits was read at 8 bits a channel.",)
    if image.has_transparency_data:
        image, opaque = _on_black(image)
        if not opaque:
            notes += ("Transparent parts of the picture are shown black.",)
    if image.mode in ("CMYK", "P"):
        image = image.convert("RGB")
    colours: Colouring = "grey"
    if image.mode in ("RGB", "YCbCr"):
        colours = colouring(np.asarray(image.convert("RGB")))
        notes += (NOTES[colours],) if colours in NOTES else ()
    return _Grey(values=np.asarray(image.convert("L")), depth=8, notes=notes, colours=colours)


def _on_black(image: Image.Image) -> tuple[Image.Image, bool]:
    """Composite on black; also whether nothing was transparent."""
    layered = image.convert("RGBA")
    alpha = layered.getchannel("A")
    if np.asarray(alpha).min() == 255:
        return layered.convert("RGB"), True
    black = Image.new("RGBA", layered.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, layered).convert("RGB"), False


def _sixteen_bit(values: Values) -> _Grey:
    """16-bit grey; scanners often keep fewer bits unscaled in it, which would show as black."""
    highest = int(values.max())
    depth = next(depth for depth in _DEPTHS if highest < 2**depth)
    if depth == 16:
        return _Grey(values, depth, notes=())
    note = f"The 16-bit PNG holds no value above {2**depth - 1}, so it was read as {depth}-bit."
    return _Grey(values, depth, notes=(note,))
