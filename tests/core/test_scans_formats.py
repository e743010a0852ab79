"""TIFF, BMP and WebP: written by Pillow, read as the picture they hold, and refused before they cost anything."""

import io
import re
import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin
from scan_files import Array, colour, ramp, saved

from meddef_core.errors import ScanError
from meddef_core.scans import FrameError, read_scan, window_range
from meddef_core.scans.colour import NOTES
from meddef_core.scans.decode import read_picture
from meddef_core.scans.tiff_header import MAX_DIRECTORIES, MAX_ENTRIES

GREY = ramp()
RGB = colour()
DEEP = ramp(high=65535, dtype=np.uint16)


def luminance(values: Array) -> Array:
    return np.asarray(Image.fromarray(values).convert("L")) / 255


def tiff(values: Array, **options: object) -> bytes:
    return saved(Image.fromarray(values), "TIFF", **options)


EXACT: dict[str, tuple[bytes, str, Array]] = {
    **{
        f"{name} TIFF, {compression}": (tiff(values, compression=compression), "TIFF", shown)
        for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits")
        for name, values, shown in (
            ("grey", GREY, GREY / 255), ("colour", RGB, luminance(RGB)), ("deep", DEEP, DEEP / 65535)
        )
    },
    "TIFF of one bit": (saved(Image.fromarray(GREY > 99), "TIFF"), "TIFF", (GREY > 99) * 1.0),
    "TIFF with a palette": (saved(Image.fromarray(GREY).convert("P"), "TIFF"), "TIFF", GREY / 255),
    "grey BMP": (saved(Image.fromarray(GREY), "BMP"), "BMP", GREY / 255),
    "colour BMP": (saved(Image.fromarray(RGB), "BMP"), "BMP", luminance(RGB)),
    "BMP of one bit": (saved(Image.fromarray(GREY > 99), "BMP"), "BMP", (GREY > 99) * 1.0),
    "WebP without loss": (saved(Image.fromarray(RGB), "WEBP", lossless=True), "WebP", luminance(RGB)),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_a_picture_comes_back(name: str) -> None:
    data, container, expected = EXACT[name]
    scan = read_scan(data)
    np.testing.assert_allclose(scan.pixels, expected, atol=2e-6)
    assert (scan.container, scan.bits) == (container, 16 if "deep" in name else 1 if "TIFF of one" in name else 8)
    assert scan.warnings == ((NOTES["false"],) if scan.false_colour else ()) and not scan.tags
    assert np.array_equal(read_picture(data, channels=1)[0], scan.pixels)
    assert (window_range(data) is None) == ("deep" not in name)


@pytest.mark.parametrize("name", [name for name in EXACT if "colour" in name])
def test_colours_are_kept_for_a_model_of_three_channels(name: str) -> None:
    picture = read_picture(EXACT[name][0], channels=3)
    np.testing.assert_allclose(picture, RGB.transpose(2, 0, 1) / 255, atol=2e-6)


@pytest.mark.parametrize(
    "data",
    [tiff(GREY, compression="jpeg", quality=95), saved(Image.fromarray(GREY).convert("RGB"), "WEBP", quality=95)],
    ids=["TIFF", "WebP"],
)
def test_lossy_pictures_are_close(data: bytes) -> None:
    assert float(np.abs(read_scan(data).pixels - GREY / 255).mean()) < 0.02


def entry(tag: int, value: int) -> tuple[int, int, int, int]:
    return tag, 3, 1, value


def bare_tiff(order: str, values: Array, **changed: int) -> bytes:
    """A TIFF written by hand: one strip, not compressed."""
    tags = {"width": 256, "length": 257, "bits": 258, "compression": 259, "photometric": 262, "format": 339}
    bits = 8 * values.dtype.itemsize
    found = {"width": values.shape[1], "length": values.shape[0], "bits": bits, "compression": 1, "photometric": 1}
    entries = [entry(tags[name], value) for name, value in (found | changed).items()]
    entries += [(273, 4, 1, 200), entry(277, 1), entry(278, values.shape[0]), (279, 4, 1, values.nbytes)]
    packed = b"".join(
        struct.pack(order + "HHIHH", *each, 0) if each[1] == 3 else struct.pack(order + "HHII", *each)
        for each in sorted(entries)
    )
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    body = head + struct.pack(order + "H", len(entries)) + packed + bytes(4)
    return body.ljust(200, b"\0") + values.astype(values.dtype.newbyteorder(order)).tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("values", [GREY, DEEP], ids=["8 bits", "16 bits"])
def test_either_order_of_bytes_and_either_end_of_grey(order: str, photometric: int, values: Array) -> None:
    expected = values / (2.0 ** (8 * values.itemsize) - 1)
    data = bare_tiff(order, values, photometric=photometric)
    if (order, photometric, values.itemsize) == (">", 0, 2):  # the one of these that Pillow does not know
        with pytest.raises(ScanError, match="an unusual kind of samples of 16 bits, which is not read here"):
            read_scan(data)
        return
    scan = read_scan(data)
    np.testing.assert_allclose(scan.pixels, 1 - expected if photometric == 0 else expected, atol=2e-6)


def test_a_deep_tiff_of_twelve_bits_is_not_dark() -> None:
    scan = read_scan(tiff(ramp(high=4000, dtype=np.uint16)))
    assert float(scan.pixels.max()) == pytest.approx(4000 / 4095) and "read as 12-bit" in scan.warnings[0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"format": 2}, "with signed samples of 16 bits, which is not read here"),
        ({"format": 3}, "with floating-point samples"),
        ({"bits": 32}, "an unusual kind of samples of 32 bits"),
        ({"photometric": 8}, "another colour space (Photometric Interpretation 8)"),
        ({"compression": 50_000}, "another compression (number 50000)"),
        ({"width": 10_000, "length": 6000}, "at most 50 megapixels"),
        ({"width": 20, "length": 20}, "too small to read"),
    ],
)
def test_a_form_of_tiff_that_is_not_read_is_named(changed: dict[str, int], words: str) -> None:
    with pytest.raises(ScanError, match=re.escape(words)):
        read_scan(bare_tiff("<", DEEP, **changed))


def pages(count: int, **options: object) -> bytes:
    made = [Image.fromarray(np.roll(GREY, number, axis=1)) for number in range(count)]
    return saved(made[0], "TIFF", save_all=True, append_images=made[1:], **options)


def test_a_page_of_several_is_chosen() -> None:
    data = pages(3, compression="tiff_lzw")
    with pytest.raises(FrameError, match="holds 3 frames; choose one from 1 to 3") as caught:
        read_scan(data)
    assert caught.value.frames == 3
    for number in (1, 2, 3):
        scan = read_scan(data, frame=number)
        assert np.array_equal(scan.pixels, read_scan(tiff(np.roll(GREY, number - 1, axis=1))).pixels)
        assert scan.tags == {"NumberOfFrames": "3"}
    with pytest.raises(FrameError, match="no frame 4"):
        read_scan(data, frame=4)


def test_a_smaller_version_is_no_page() -> None:
    small = TiffImagePlugin.ImageFileDirectory_v2()
    small[254] = 1
    buffer = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(buffer) as writer:
        Image.fromarray(GREY).save(writer, "TIFF")
        writer.newFrame()
        Image.fromarray(GREY[::2, ::2]).save(writer, "TIFF", tiffinfo=small)
        writer.newFrame()
    assert read_scan(buffer.getvalue()).size == GREY.shape


def test_an_orientation_is_followed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for form, options in (("TIFF", {}), ("WEBP", {"lossless": True})):
        scan = read_scan(saved(Image.fromarray(np.dstack([GREY] * 3)), form, exif=exif, **options))
        np.testing.assert_allclose(scan.pixels, np.rot90(GREY, -1) / 255, atol=2e-6)


# ---- what they would cost ----------------------------------------------------------------------------------------


def directory(entries: list[tuple[int, int, int, int]], following: int = 0) -> bytes:
    body = b"".join(struct.pack("<HHII", *each) for each in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + struct.pack("<I", following)


HOSTILE = {
    "many entries": (directory([(1000 + n, 3, 1, 1) for n in range(MAX_ENTRIES + 1)]), "more than a scan needs"),
    "the same bytes again and again": (
        directory([(1000 + n, 7, 4000, 8) for n in range(20)]) + bytes(5000), "more than a scan needs"
    ),
    "a circle": (directory([entry(256, 64)], following=8), "damaged or cut short"),
    "a circle of parts": (directory([(34665, 4, 1, 8)]), "damaged or cut short"),
    "too many pages": (
        b"II*\0\x08\0\0\0"
        + b"".join(struct.pack("<HHHIII", 1, 256, 3, 1, 64, 8 + 18 * (n + 1)) for n in range(MAX_DIRECTORIES + 5)),
        "more than a scan needs",
    ),
    "no page": (b"II*\0\0\0\0\0", "damaged or cut short"),
    "only a mark": (b"II*\0", "damaged or cut short"),
    "half a TIFF": (tiff(GREY)[:1000], "damaged or cut short"),
    "half a BMP": (saved(Image.fromarray(GREY), "BMP")[:1000], "damaged or cut short"),
    "half a WebP": (saved(Image.fromarray(RGB), "WEBP")[:1000], "damaged or cut short"),
    "only the mark of a BMP": (b"BM", "damaged or cut short"),
    "only the mark of a WebP": (b"RIFF\0\0\0\0WEBP", "damaged or cut short"),
    "a large BMP": (
        b"BM" + struct.pack("<IIIIiiHHIIIIII", 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(99),
        "at most 50 megapixels",
    ),
    "a large WebP": (
        b"RIFF\0\1\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff\x3f\0\xff\x3f\0" + bytes(200), "at most 50 megapixels"
    ),
    "a moving WebP": (
        saved(Image.fromarray(RGB), "WEBP", save_all=True, append_images=[Image.fromarray(255 - RGB)]), "an animation"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_costs_too_much_or_is_broken_is_refused(name: str) -> None:
    data, words = HOSTILE[name]
    with pytest.raises(ScanError, match=words):
        read_scan(data)
