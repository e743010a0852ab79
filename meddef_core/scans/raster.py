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
from meddef_core.scans.contrast import Values
from meddef_core.scans.damage import DAMAGE, damaged, refusing_damage
from meddef_core.scans.scan import Scan, digest_of

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"

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


class _Grey(NamedTuple):
    """Decoded samples before scaling: `values` (H, W) run from 0 to 2**depth - 1."""

    values: Values
    depth: int
    notes: tuple[str, ...]


def read_raster(
    data: bytes, *, container: str, frame: int | None = None, window: tuple[float, float] | None = None
) -> Scan:
    """Decode one PNG or JPEG (`container` says which) to a Scan; raises ScanError.

    Colour becomes luminance by ITU-R 601 exactly as Pillow's `convert("L")`; transparent parts show black, the
    background of both modalities. `window` is (centre, width) in stored values; `frame` can only be 1.
    """
    limits.frame_index(frame, frames=1)
    with refusing_damage(container):
        image, bits = _open_png(data) if container == "PNG" else _open_jpeg(data)
        limits.check_size(image.height, image.width)
        image.load()
        upright, notes = _upright(image)
        grey = _grey(upright, bits)
    if window is None:
        pixels = contrast.scale(grey.values, low=0.0, high=float(2**grey.depth - 1))
    else:
        pixels = contrast.apply_window(grey.values, *window)
    limits.check_not_blank(pixels, windowed=window is not None)
    return Scan(pixels=pixels, container=container, bits=bits, digest=digest_of(data), warnings=notes + grey.notes)


def stored_grey(data: bytes) -> tuple[Values, int]:
    """The grey values (H, W) of a PNG before scaling, and their depth in bits; raises ScanError as `read_raster`."""
    with refusing_damage("PNG"):
        image, bits = _open_png(data)
        limits.check_size(image.height, image.width)
        image.load()
        grey = _grey(_upright(image)[0], bits)
    return grey.values, grey.depth


def _open_jpeg(data: bytes) -> tuple[ImageFile, int]:
    """The JPEG opened but not decoded, and its bits a sample (Pillow refuses anything but 8)."""
    return JpegImageFile(io.BytesIO(data)), 8


def _open_png(data: bytes) -> tuple[ImageFile, int]:
    """The PNG opened but not decoded, and its bits a sample, which Pillow does not tell."""
    if data[12:16] != b"IHDR":
        raise damaged("PNG")
    width, height, bits = struct.unpack(">IIB", data[16:25])
    limits.check_size(height, width)
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
    return _Grey(values=np.asarray(image.convert("L")), depth=8, notes=notes)


def _on_black(image: Image.Image) -> tuple[Image.Image, bool]:
    """Composite on black; also whether nothing was transparent."""
    layered = image.convert("RGBA")
    alpha = layered.getchannel("A")
    if np.asarray(alpha).min() == 255:
        return layered.convert("RGB"), True
    black = Image.new("RGBA", layered.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, layered).convert("RGB"), False


def _sixteen_bit(values: Values) -> _Grey:
    """16-bit grey; scanners often keep 12-bit values unscaled in it, which would show as black."""
    if values.max() < 2**12:
        return _Grey(values, depth=12, notes=("The 16-bit PNG holds no value above 4095, so it was read as 12-bit.",))
    return _Grey(values, depth=16, notes=())
