"""Five hundred damaged files of each format that C libraries decode, through a worker: a scan or one sentence."""

import time

import imagecodecs
import numpy as np
import pytest
from damage_forms import mutated
from PIL import Image
from pydicom import uid
from refusals import refused_as
from scan_files import colour, data_set, encapsulated, ramp, saved

from meddef_core.errors import ScanError
from meddef_core.scans import read_scan, read_scan_isolated

COUNT = 500
LONGEST = 5.0
"""Seconds that one file may take."""

GREY = ramp(size=(48, 64))
DEEP = ramp(high=4095, size=(48, 64), dtype=np.uint16)
RGB = colour((48, 64))


def tiff(picture: Image.Image, **options: object) -> bytes:
    return saved(picture, "TIFF", **options)


LOSSLESS = imagecodecs.jpeg8_encode(DEEP, lossless=True, bitspersample=12)
JPEG_LS = imagecodecs.jpegls_encode(DEEP)
TWELVE = imagecodecs.jpeg8_encode(np.dstack([DEEP] * 3), level=95, bitspersample=12)
PAGES = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]

WHOLE = {
    "JPEG Lossless": LOSSLESS,
    "JPEG-LS": JPEG_LS,
    "12-bit JPEG": TWELVE,
    "JPEG Lossless in DICOM": encapsulated(data_set(DEEP, bits=12), LOSSLESS, uid.JPEGLosslessSV1),
    "JPEG-LS in DICOM": encapsulated(data_set(DEEP, bits=12), JPEG_LS, uid.JPEGLSLossless),
    "12-bit JPEG in DICOM": encapsulated(
        data_set(np.dstack([DEEP] * 3), bits=12), TWELVE, uid.JPEGExtended12Bit, PhotometricInterpretation="YBR_FULL"
    ),
    "TIFF": tiff(Image.fromarray(DEEP)),
    "TIFF, LZW": tiff(Image.fromarray(RGB), compression="tiff_lzw"),
    "TIFF, deflate": tiff(Image.fromarray(RGB), compression="tiff_adobe_deflate"),
    "TIFF, JPEG": tiff(Image.fromarray(RGB), compression="jpeg"),
    "TIFF of pages": tiff(PAGES[0], save_all=True, append_images=PAGES[1:]),
    "BMP": saved(Image.fromarray(RGB), "BMP"),
    "BMP with a palette": saved(Image.fromarray(RGB).quantize(16), "BMP"),
    "WebP": saved(Image.fromarray(RGB), "WEBP"),
    "WebP without loss": saved(Image.fromarray(RGB), "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_damaged_below_is_whole(name: str) -> None:
    assert read_scan(WHOLE[name], frame=2 if "pages" in name else None).size == GREY.shape


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_file_costs_one_sentence(name: str) -> None:
    assert damaged(WHOLE[name], seed=sorted(WHOLE).index(name), frame=2 if "pages" in name else None) < LONGEST


def damaged(whole: bytes, *, seed: int, count: int = COUNT, frame: int | None = None) -> float:
    """Read so many damaged copies through a worker; the seconds of the slowest. Fails where one is no sentence."""
    rng = np.random.default_rng(seed)
    longest = 0.0
    for _ in range(count):
        data, began = mutated(whole, rng), time.monotonic()
        try:
            pixels = read_scan_isolated(data, frame=frame).pixels
        except ScanError as error:
            assert str(error).endswith(".")
        else:
            assert float(pixels.min()) >= 0 and float(pixels.max()) <= 1
        longest = max(longest, time.monotonic() - began)
    return longest


@pytest.mark.parametrize("size", [(1, 4000), (4000, 1)])
def test_a_coloured_line_is_one_sentence_without_a_worker_too(size: tuple[int, int]) -> None:
    """Found among the twenty thousand: made smaller to judge its colours, it had no width left."""
    data = saved(Image.fromarray(colour(size)), "JPEG")
    with refused_as(ScanError, "scan.image-width-x"):
        read_scan(data)
