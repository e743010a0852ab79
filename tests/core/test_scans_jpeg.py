"""JPEG, bare and inside DICOM: its own header tells the form and the colours, whatever is written around it."""

import struct

import numpy as np
import pytest
from PIL import Image
from pydicom import uid
from refusals import refused_as
from scan_files import Array, colour, data_set, encapsulated, jpeg, ramp, saved

from meddef_core.errors import ScanError
from meddef_core.scans import read_scan
from meddef_core.scans.colour import NOTES
from meddef_core.scans.jpeg_header import jpeg_header

GREY = ramp()
SMOOTH = np.dstack([ramp(), ramp()[::-1], ramp()[:, ::-1]])
"""Red, green and blue that differ, without noise that compression would take away."""


def luminance(values: Array) -> Array:
    return np.asarray(Image.fromarray(values).convert("L")) / 255


def frame(
    stream: bytes, *, photometric: str = "RGB", values: Array = SMOOTH, syntax: uid.UID = uid.JPEGBaseline8Bit
) -> bytes:
    return encapsulated(data_set(values), stream, syntax, PhotometricInterpretation=photometric)


def without_app(stream: bytes) -> bytes:
    """The stream without APP segments, which say how its colours are meant."""
    position, kept = 2, [stream[:2]]
    while stream[position + 1] != 0xDA:
        end = position + 2 + int.from_bytes(stream[position + 2 : position + 4])
        if not 0xE0 <= stream[position + 1] <= 0xEF:
            kept.append(stream[position:end])
        position = end
    return b"".join(kept) + stream[position:]


def as_planes(values: Array, mode: str) -> bytes:
    """A JPEG whose three components are compressed as they are, without a marker that says what they mean."""
    planes = np.asarray(Image.fromarray(values).convert(mode))
    return without_app(saved(Image.fromarray(planes, "RGB"), "JPEG", quality=95, keep_rgb=True, subsampling=0))


def relabelled(stream: bytes, *ids: int) -> bytes:
    """The stream with other component identifiers, in its frame and in its scan."""
    data = bytearray(stream)
    start, scan = data.index(b"\xff\xc0") + 10, data.index(b"\xff\xda") + 5
    for place, number in enumerate(ids):
        data[start + 3 * place] = data[scan + 2 * place] = number
    return bytes(data)


RGB = relabelled(as_planes(SMOOTH, "RGB"), 1, 2, 3)
YBR = relabelled(as_planes(SMOOTH, "YCbCr"), 1, 2, 3)
COLOURS = {
    "YCbCr without a marker": (YBR, "YCbCr"),
    "YCbCr of other numbers": (relabelled(YBR, 0, 1, 2), "YCbCr"),
    "YCbCr with JFIF": (jpeg(SMOOTH, subsampling=0), "YCbCr"),
    "YCbCr of fewer samples": (jpeg(SMOOTH), "YCbCr"),
    "grey as YCbCr": (jpeg(np.dstack([GREY] * 3)), "YCbCr"),
    "RGB without a marker": (RGB, "RGB"),
    "RGB of other numbers": (relabelled(RGB, 0, 1, 2), "RGB"),
    "RGB by its letters": (relabelled(RGB, *b"RGB"), "RGB"),
    "RGB with Adobe": (saved(Image.fromarray(SMOOTH), "JPEG", quality=95, keep_rgb=True), "RGB"),
    "grey as RGB": (relabelled(as_planes(np.dstack([GREY] * 3), "RGB"), 1, 2, 3), "RGB"),
}


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("name", COLOURS)
def test_colours_are_those_of_the_stream(name: str, photometric: str) -> None:
    stream, held = COLOURS[name]
    scan = read_scan(frame(stream, photometric=photometric))
    expected = luminance(np.dstack([GREY] * 3) if name.startswith("grey") else SMOOTH)
    assert float(np.abs(scan.pixels - expected).mean()) < 0.02
    told = [warning for warning in scan.warnings if warning not in NOTES.values()]
    contradicts = (photometric == "RGB") != (held == "RGB")
    assert [f"but the JPEG holds {held}" in warning for warning in told] == [True] * contradicts


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_strong_colours_are_kept_apart(photometric: str) -> None:
    bars = np.zeros((40, 64, 3), np.uint8)
    for number in range(8):
        bars[:, 8 * number : 8 * number + 8] = [255 * (number >> bit & 1) for bit in range(3)]
    for mode in ("RGB", "YCbCr"):
        scan = read_scan(frame(relabelled(as_planes(bars, mode), 1, 2, 3), photometric=photometric))
        assert float(np.abs(scan.pixels - luminance(bars)).mean()) < 0.02


FORMS = {
    (0xC0, 10): "10-bit JPEG",
    (0xC2, 16): "16-bit progressive JPEG",
    (0xC5, 8): "hierarchical JPEG",
    (0xC9, 12): "12-bit arithmetic-coded JPEG",
    (0xCB, 8): "arithmetic-coded JPEG Lossless",
}


@pytest.mark.parametrize(("kind", "precision"), FORMS)
def test_other_forms_are_named(kind: int, precision: int) -> None:
    """Whatever the transfer syntax says: many archives write that of JPEG Baseline for all of them."""
    data = bytearray(jpeg(GREY))
    start = data.index(b"\xff\xc0")
    data[start + 1], data[start + 4] = kind, precision
    for whole in (bytes(data), frame(bytes(data), photometric="MONOCHROME2", values=GREY)):
        with pytest.raises(ScanError, match="is not read here; export") as caught:
            read_scan(whole)
        assert f"stored as {FORMS[kind, precision]}, which" in str(caught.value)


def test_a_jpeg_under_the_name_of_jpeg_2000_and_the_other_way_round() -> None:
    picture = saved(Image.fromarray(GREY), "JPEG2000", no_jp2=True)
    for stream, syntax, words in (
        (jpeg(GREY), uid.JPEG2000Lossless, "says JPEG 2000, but the pixels are stored as JPEG;"),
        (picture, uid.JPEGBaseline8Bit, "says JPEG Baseline, but the pixels are stored as JPEG 2000;"),
    ):
        with pytest.raises(ScanError, match=words):
            read_scan(frame(stream, photometric="MONOCHROME2", values=GREY, syntax=syntax))


@pytest.mark.parametrize("padding", [b"", b"\0", bytes(64), bytes(5000), b"\xff" * 7, b" " * 30])
@pytest.mark.parametrize("form", ["JPEG", "JPEG2000"])
def test_padding_behind_the_end_is_no_damage(form: str, padding: bytes) -> None:
    options = {"no_jp2": True} if form == "JPEG2000" else {}
    stream = saved(Image.fromarray(GREY), form, **options)
    syntax = uid.JPEG2000Lossless if form == "JPEG2000" else uid.JPEGBaseline8Bit
    exact = read_scan(frame(stream, photometric="MONOCHROME2", values=GREY, syntax=syntax)).pixels
    padded = frame(stream + padding, photometric="MONOCHROME2", values=GREY, syntax=syntax)
    assert np.array_equal(read_scan(padded).pixels, exact)


@pytest.mark.parametrize("form", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_half_a_stream_before_padding_is_damage(form: str, share: float) -> None:
    """The end marker of a thumbnail is not that of the picture."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    options = {"no_jp2": True} if form == "JPEG2000" else {}
    stream = saved(Image.fromarray(noise), form, **options)
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(jpeg(GREY))) + jpeg(GREY) if form == "JPEG" else b""
    cut = stream[:2] + thumbnail + stream[2 : int(share * len(stream))] + bytes(64)
    syntax = uid.JPEG2000Lossless if form == "JPEG2000" else uid.JPEGBaseline8Bit
    with refused_as(ScanError, "scan.container-file"):
        read_scan(frame(cut, photometric="MONOCHROME2", values=noise, syntax=syntax))


def test_bits_that_contradict_the_stream_are_told() -> None:
    values = GREY.astype(np.uint16)
    data = encapsulated(
        data_set(values, bits=12, WindowCenter=2048, WindowWidth=4096), jpeg(GREY), uid.JPEGBaseline8Bit
    )
    scan = read_scan(data)
    assert np.array_equal(scan.pixels, read_scan(jpeg(GREY)).pixels) and scan.bits == 8
    assert ["Bits Stored (12)" in scan.warnings[0], "does not suit" in scan.warnings[1]] == [True, True]


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xc0\0\x05\x08\0\0", colour().tobytes()]
)
def test_what_has_no_header_has_none(data: bytes) -> None:
    assert jpeg_header(data) is None


def test_the_header_of_a_jpeg_is_read_past_what_stands_before_it() -> None:
    stream = jpeg(SMOOTH)
    comment = b"\xff\xfe\0\x0a" + b"\xff\xc3\0\x0b\x10\0\1\1"
    found = jpeg_header(stream[:2] + b"\xff\xff" + comment + stream[2:])
    assert found is not None and (found.kind, found.precision) == (0xC0, 8)
    assert (found.height, found.width, found.ids, found.adobe) == (*GREY.shape, (1, 2, 3), None)
    assert jpeg_header(stream[:2] + comment * 5000 + stream[2:]) is None, "a walk without an end"
