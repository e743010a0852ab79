"""PNG and JPEG: every mode against exact pixel values."""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageOps
from scan_files import Array, colour, jpeg, png, ramp, saved

from meddef_core.errors import ScanError
from meddef_core.scans import Scan, read_scan

GREY = ramp()
COLOUR = colour()


def as_grey(values: Array) -> Array:
    """Pillow's own ITU-R 601 luminance in [0, 1]."""
    return np.asarray(Image.fromarray(values).convert("L")) / 255


def palette_png() -> tuple[bytes, Array]:
    image = Image.fromarray(COLOUR).quantize(64)
    return saved(image, "PNG"), as_grey(np.asarray(image.convert("RGB")))


def one_bit_png() -> tuple[bytes, Array]:
    image = Image.fromarray(GREY).convert("1")
    return saved(image, "PNG"), np.asarray(image).astype(float)


def two_bit_png() -> tuple[bytes, Array]:
    """Grey levels 0, 1, 2, 3 as a palette of four, which PNG stores in two bits."""
    levels = (GREY // 64).astype(np.uint8)
    image = Image.fromarray(levels, "P")
    image.putpalette([level * 85 for level in range(4) for _ in range(3)])
    return saved(image, "PNG", bits=2), levels / 3


def transparent_png() -> tuple[bytes, Array]:
    """Half transparency halves the luminance: what lies behind is black."""
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:, :20], alpha[:, 20:40] = 0, 128
    picture = np.dstack([GREY, GREY, GREY, alpha])
    return png(picture), GREY * (alpha / 255) / 255


def opaque_png() -> tuple[bytes, Array]:
    return png(np.dstack([COLOUR, np.full(GREY.shape, 255, np.uint8)])), as_grey(COLOUR)


def grey_alpha_png() -> tuple[bytes, Array]:
    alpha = np.where(GREY > 128, 255, 0).astype(np.uint8)
    image = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(alpha)])
    return saved(image, "PNG"), np.where(alpha > 0, GREY, 0) / 255


def cmyk_jpeg() -> tuple[bytes, Array]:
    data = saved(Image.fromarray(COLOUR).convert("CMYK"), "JPEG", quality=95)
    return data, as_grey(np.asarray(decoded(data).convert("RGB")))


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


SIXTEEN = ramp(high=65535, dtype=np.uint16)
TWELVE = ramp(high=4095, dtype=np.uint16)

FORMATS: dict[str, Callable[[], tuple[bytes, Array]]] = {
    "grey PNG": lambda: (png(GREY), GREY / 255),
    "RGB PNG": lambda: (png(COLOUR), as_grey(COLOUR)),
    "opaque RGBA PNG": opaque_png,
    "transparent RGBA PNG": transparent_png,
    "grey and alpha PNG": grey_alpha_png,
    "palette PNG": palette_png,
    "1-bit PNG": one_bit_png,
    "2-bit PNG": two_bit_png,
    "16-bit PNG": lambda: (png(SIXTEEN), SIXTEEN / 65535),
    "12-bit PNG": lambda: (png(TWELVE), TWELVE / 4095),
    "grey JPEG": lambda: (jpeg(GREY), np.asarray(decoded(jpeg(GREY))) / 255),
    "RGB JPEG": lambda: (jpeg(COLOUR), as_grey(np.asarray(decoded(jpeg(COLOUR))))),
    "progressive JPEG": lambda: (
        jpeg(GREY, progressive=True),
        np.asarray(decoded(jpeg(GREY, progressive=True))) / 255,
    ),
    "CMYK JPEG": cmyk_jpeg,
}
BITS = {"1-bit PNG": 1, "2-bit PNG": 2, "16-bit PNG": 16, "12-bit PNG": 16}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_gives_exact_pixels(name: str) -> None:
    data, expected = FORMATS[name]()
    scan = read_scan(data)
    # Half-transparent pixels are rounded to 8 bits once more while they are composited.
    tolerance = 0.75 / 255 if name == "transparent RGBA PNG" else 1e-7
    np.testing.assert_allclose(scan.pixels, expected, atol=tolerance)
    assert scan.container == name.split()[-1]
    assert scan.bits == BITS.get(name, 8)
    assert scan.digest == hashlib.sha256(data).hexdigest()
    assert (scan.tags, scan.removed) == ({}, 0)


def test_eight_bit_grey_is_bit_for_bit_what_pillow_reads() -> None:
    every_level = np.tile(np.arange(256, dtype=np.uint8), (32, 1))
    assert np.array_equal(read_scan(png(every_level)).pixels, (every_level / 255).astype(np.float32))
    data = jpeg(GREY)
    assert np.array_equal(read_scan(data).pixels, (np.asarray(decoded(data).convert("L")) / 255).astype(np.float32))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_exif_orientation_is_undone(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(GREY), form, exif=exif)
    scan = read_scan(data)
    assert np.array_equal(scan.pixels * 255, np.asarray(ImageOps.exif_transpose(decoded(data))))
    assert bool(scan.warnings) == (orientation != 1)


def test_a_phone_picture_stands_upright() -> None:
    """Orientation 6, spelled out: the stored left column is the top row as displayed."""
    exif = Image.Exif()
    exif[0x0112] = 6
    scan = read_scan(saved(Image.fromarray(GREY), "PNG", exif=exif))
    assert np.array_equal(scan.pixels[0], (GREY[::-1, 0] / 255).astype(np.float32))


def warnings_of(data: bytes) -> str:
    return " ".join(read_scan(data).warnings)


def test_what_was_assumed_is_said() -> None:
    assert "Transparent" in warnings_of(transparent_png()[0])
    assert "12-bit" in warnings_of(png(TWELVE))
    assert not warnings_of(png(SIXTEEN)) + warnings_of(jpeg(GREY))
    assert "Transparent" not in warnings_of(opaque_png()[0])


def test_sixteen_bit_colour_is_read_at_eight_and_says_so() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    wide = (COLOUR.astype(">u2") * 257).reshape(COLOUR.shape[0], -1)
    lines = b"".join(b"\0" + line.tobytes() for line in wide)
    header = struct.pack(">IIBBBBB", COLOUR.shape[1], COLOUR.shape[0], 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    scan = read_scan(data)
    np.testing.assert_allclose(scan.pixels, as_grey(COLOUR), atol=1e-7)
    assert scan.bits == 16
    assert "8 bits" in scan.warnings[0]


def test_a_window_applies_to_stored_values() -> None:
    """Width 101 around 128: the ramp runs from 77.5 to 177.5 (DICOM PS3.3 C.11.2.1.2)."""
    pixels = read_scan(png(GREY), window=(128, 101)).pixels
    np.testing.assert_allclose(pixels, np.clip((GREY - 77.5) / 100, 0, 1), atol=1e-6)


def test_scans_are_read_only_and_checked() -> None:
    scan = read_scan(png(GREY))
    with pytest.raises(ValueError, match="read-only"):
        scan.pixels[0, 0] = 1
    with pytest.raises(TypeError, match="float32"):
        Scan(pixels=np.zeros((4, 4)), container="PNG", bits=8, digest="")  # type: ignore[arg-type]
    assert scan.size == GREY.shape


def test_only_frame_one_exists() -> None:
    assert read_scan(png(GREY), frame=1).digest == read_scan(png(GREY)).digest
    with pytest.raises(ScanError, match="no frame 2: the file holds 1 frame"):
        read_scan(png(GREY), frame=2)


@pytest.mark.parametrize("height", [63, 64, 200])
def test_transparency_is_put_on_black_as_pillow_does_it_at_once(height: int) -> None:
    picture = np.random.default_rng(height).integers(0, 256, (height, 70, 4)).astype(np.uint8)
    whole = Image.fromarray(picture)
    at_once = Image.alpha_composite(Image.new("RGBA", whole.size, (0, 0, 0, 255)), whole).convert("L")
    assert np.array_equal(read_scan(png(picture)).pixels, np.asarray(at_once) / np.float32(255))
