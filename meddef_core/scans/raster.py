"""Pictures that are no DICOM through Pillow: decoded, upright, and grey."""

from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image

from meddef_core.scans import contrast, limits
from meddef_core.scans.colour import NOTES, Colouring, colouring
from meddef_core.scans.contrast import Values
from meddef_core.scans.damage import DAMAGE, refusing_damage
from meddef_core.scans.opened import Opened, opened
from meddef_core.scans.scan import Pixels, Scan, digest_of
from meddef_core.text import Text

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

_BAND_ROWS = 64
"""Rows put on black at once, so that copies of a large picture stay in the processor's cache."""

_DEPTHS = (8, 10, 12, 14, 16)
"""Bits that detectors give, one of which the values of a deeper picture have."""


class _Grey(NamedTuple):
    """Decoded samples before scaling: `values` (H, W) run from 0 to 2**depth - 1."""

    values: Values
    depth: int
    notes: tuple[str, ...]
    colours: Colouring = "grey"


def read_raster(
    data: bytes,
    *,
    container: str,
    frame: int | None = None,
    window: tuple[float, float] | None = None,
    digest: str | None = None,
) -> Scan:
    """Decode one picture of the format `container` to a Scan; raises ScanError.

    Colour becomes luminance by ITU-R 601 exactly as Pillow's `convert("L")`; transparent parts show black, the
    background of both modalities. `window` is (centre, width) in stored values; `frame` is the page of a TIFF; `digest`
    that of the bytes, where it is known already.
    """
    with refusing_damage(container):
        found, notes = _decoded(data, container, frame=frame)
        grey = _grey(found, container)
    if window is None:
        pixels = contrast.scale(grey.values, low=0.0, high=float(2**grey.depth - 1))
    else:
        pixels = contrast.apply_window(grey.values, *window)
    limits.check_not_blank(pixels, windowed=window is not None)
    return Scan(
        pixels=pixels,
        container=container,
        bits=found.bits,
        digest=digest or digest_of(data),
        tags={"NumberOfFrames": str(found.frames)} if found.frames > 1 else {},
        warnings=notes + grey.notes,
        false_colour=grey.colours == "false",
    )


def stored_grey(data: bytes, *, container: str, frame: int | None = None) -> tuple[Values, int]:
    """The grey values (H, W) before scaling, and their depth in bits; raises ScanError as `read_raster`."""
    with refusing_damage(container):
        found, _ = _decoded(data, container, frame=frame)
        grey = _grey(found, container)
    return grey.values, grey.depth


def read_channels(data: bytes, *, container: str, channels: int) -> Pixels:
    """A picture of any size as float32 (channels, H, W) in [0, 1], a view not to be written to; raises ScanError.

    One channel is the grey of `read_raster`. Of three, a grey picture has that grey in each, another its colours.
    """
    with refusing_damage(container):
        found, _ = _decoded(data, container, smallest=1)
        image = found.image
        if channels == 1 or image.mode in _GREY_MODES or image.mode.startswith("I"):
            grey = _grey(found, container)
            pixels = contrast.scale(grey.values, low=0.0, high=float(2**grey.depth - 1))
            return np.broadcast_to(pixels, (channels, *pixels.shape))
        if image.has_transparency_data:
            image, _ = _on_black(image)
        values = np.asarray(_as(image, "RGB"))
    return np.moveaxis(contrast.scale(values, low=0.0, high=255.0), 2, 0)


def _decoded(
    data: bytes, container: str, *, frame: int | None = None, smallest: int = limits.MIN_SIDE
) -> tuple[Opened, tuple[str, ...]]:
    """The decoded picture as it stands upright, and what to warn of."""
    found = opened(data, container=container, frame=frame, smallest=smallest)
    found.image.load()
    upright, notes = _upright(found.image)
    return found._replace(image=upright), notes


def _upright(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Turn the picture as its EXIF orientation asks; broken EXIF costs a warning, not the picture."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except DAMAGE:
        return image, (
            Text(
                "scan.orientation-noted",
                "The orientation noted in the file could not be read; check that the scan is upright.",
            ),
        )
    method = _UPRIGHT.get(orientation)
    if method is None:
        return image, ()
    return image.transpose(method), (
        Text("scan.picture-turned", "The picture was turned as its EXIF orientation asks."),
    )


def _grey(found: Opened, container: str) -> _Grey:
    """Luminance of any Pillow mode that these formats produce."""
    image = found.image
    if image.mode.startswith("I"):
        return _deep(np.asarray(image).astype(np.uint16), found, container)
    notes: tuple[str, ...] = ()
    if found.bits > 8:
        notes = (
            Text(
                "scan.colour-transparent",
                "A colour or transparent {container} of {bits} bits was read at 8 bits a channel.",
                container=container,
                bits=found.bits,
            ),
        )
    if image.has_transparency_data:
        image, opaque = _on_black(image)
        if not opaque:
            notes += (Text("scan.transparent-parts", "Transparent parts of the picture are shown black."),)
    if image.mode in ("CMYK", "P"):
        image = image.convert("RGB")
    colours: Colouring = "grey"
    if image.mode in ("RGB", "YCbCr"):
        colours = colouring(np.asarray(_as(image, "RGB")))
        notes += (NOTES[colours],) if colours in NOTES else ()
    return _Grey(values=np.asarray(_as(image, "L")), depth=8, notes=notes, colours=colours)


def _on_black(image: Image.Image) -> tuple[Image.Image, bool]:
    """Composite on black; also whether nothing was transparent."""
    layered = _as(image, "RGBA")
    lowest, _ = layered.getchannel("A").getextrema()
    if lowest == 255:
        return layered.convert("RGB"), True
    shown = Image.new("RGB", layered.size)
    for top in range(0, layered.height, _BAND_ROWS):
        band = layered.crop((0, top, layered.width, min(top + _BAND_ROWS, layered.height)))
        black = Image.new("RGBA", band.size, (0, 0, 0, 255))
        shown.paste(Image.alpha_composite(black, band).convert("RGB"), (0, top))
    return shown, False


def _as(image: Image.Image, mode: str) -> Image.Image:
    """In another mode; Pillow copies what has it already, and a picture may have 200 MB."""
    return image if image.mode == mode else image.convert(mode)


def _deep(values: Values, found: Opened, container: str) -> _Grey:
    """Grey of more than 8 bits; scanners often keep fewer bits unscaled in it, which would show as black."""
    highest = int(values.max())
    depth = min(found.bits, next(depth for depth in _DEPTHS if highest < 2**depth))
    if found.white_is_zero:
        values = (2**depth - 1) - values
    if depth == found.bits:
        return _Grey(values, depth, notes=())
    note = Text(
        "scan.bits-bit",
        "The {bits}-bit {container} holds no value above {highest}, so it was read as {depth}-bit.",
        bits=found.bits,
        container=container,
        highest=2**depth - 1,
        depth=depth,
    )
    return _Grey(values, depth, notes=(note,))
