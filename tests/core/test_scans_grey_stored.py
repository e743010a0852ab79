"""From bytes to stored values: bits, sign, missing attributes and padding, against slow references."""

from typing import Any

import numpy as np
import pytest
from grey_files import SIXTEEN, TWELVE, linear, near, only_warning, stretched
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from scan_files import data_set, dicom, ramp, written

from meddef_core.errors import ScanError
from meddef_core.scans import read_scan


def slow_stored(container: int, *, stored: int, high: int, signed: bool) -> int:
    """One value out of its container, bit by bit (PS3.5 section 8.1.1)."""
    bits = [container >> place & 1 for place in range(high - stored + 1, high + 1)]
    value = sum(bit << place for place, bit in enumerate(bits))
    return value - (1 << stored) if signed and bits[-1] else value


@settings(max_examples=60, deadline=None)
@given(data=st.data(), allocated=st.sampled_from([8, 16, 32]), signed=st.booleans(), seed=st.integers(0, 999))
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless])
def test_bits_round_trip(syntax: uid.UID, data: st.DataObject, allocated: int, signed: bool, seed: int) -> None:
    """Random values at any place of a container filled up with noise."""
    if syntax == uid.RLELossless:
        allocated = min(allocated, 16)
    # pydicom's encoder takes no container that has a byte too many
    stored = data.draw(st.integers(9 if (syntax, allocated) == (uid.RLELossless, 16) else 4, min(allocated, 16)))
    high = data.draw(st.integers(stored - 1, allocated - 1))
    rng = np.random.default_rng(seed)
    containers = rng.integers(0, 2**allocated, (32, 40), dtype=np.uint64)
    expected = np.vectorize(lambda value: slow_stored(int(value), stored=stored, high=high, signed=signed))(containers)
    kind = np.dtype(f"{'i' if signed else 'u'}{allocated // 8}")
    values = containers.astype(f"u{allocated // 8}").view(kind)
    ds = data_set(values, bits=stored, HighBit=high, WindowCenter=0.5, WindowWidth=2.0**stored)
    ds.VOILUTFunction = "LINEAR_EXACT"
    if syntax == uid.RLELossless:
        ds.compress(uid.RLELossless, generate_instance_uid=False)
    elif syntax == uid.ExplicitVRBigEndian:
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = values.astype(kind.newbyteorder(">")).tobytes()
    near(read_scan(written(ds)).pixels, np.clip((expected - 0.5) / 2.0**stored + 0.5, 0, 1))


@pytest.mark.parametrize(("stored", "high"), [(12, 15), (12, 13), (10, 15), (10, 11), (14, 15)])
def test_left_justified_values(stored: int, high: int) -> None:
    values = ramp(high=2**stored - 1, dtype=np.uint16)
    near(read_scan(dicom(values << (high + 1 - stored), bits=stored, HighBit=high)).pixels, stretched(values))


def test_a_high_bit_that_contradicts_the_values_is_told() -> None:
    """Values that fill the lowest 12 bits cannot stand in the highest 12."""
    scan = read_scan(dicom(TWELVE, bits=12, HighBit=15, WindowCenter=2048, WindowWidth=4096))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert "High Bit (15) contradicts" in only_warning(scan)


@pytest.mark.parametrize(("stored", "high"), [(12, 7), (12, 16), (0, 11), (17, 16)])
def test_bits_that_cannot_be_are_told(stored: int, high: int) -> None:
    scan = read_scan(dicom(TWELVE, BitsStored=stored, HighBit=high, WindowCenter=2048, WindowWidth=4096))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert any("was assumed" in warning for warning in scan.warnings)


@pytest.mark.parametrize("told", [8, 10])
def test_bits_stored_that_would_cut_the_picture_off_are_told(told: int) -> None:
    scan = read_scan(dicom(TWELVE, bits=told, WindowCenter=2048, WindowWidth=4096))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert scan.bits == 12 and f"Bits Stored ({told}) is too small" in only_warning(scan)


def test_an_overlay_in_the_unused_bits_is_cut_off() -> None:
    overlaid = TWELVE | np.where(np.arange(TWELVE.size).reshape(TWELVE.shape) % 7 < 3, 0x9000, 0).astype(np.uint16)
    scan = read_scan(dicom(overlaid, bits=12, WindowCenter=2048, WindowWidth=4096))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert scan.warnings == ()


REMOVED = {
    "SamplesPerPixel": "no Samples per Pixel; 1 was assumed",
    "PhotometricInterpretation": "no Photometric Interpretation; MONOCHROME2 was assumed",
    "PixelRepresentation": "no usable Pixel Representation; unsigned",
    "BitsStored": "no Bits Stored; 16 was assumed",
    "HighBit": "",
}


@pytest.mark.parametrize("keyword", REMOVED)
def test_a_missing_attribute_is_assumed(keyword: str) -> None:
    ds = data_set(SIXTEEN, WindowCenter=32768, WindowWidth=65536)
    delattr(ds, keyword)
    scan = read_scan(written(ds))
    near(scan.pixels, linear(SIXTEEN, 32768, 65536))
    assert REMOVED[keyword] in " ".join(scan.warnings) and len(scan.warnings) == bool(REMOVED[keyword])
    assert scan.tags.get(keyword) is None and scan.removed == len(ds) - len(scan.tags) - 1


@pytest.mark.parametrize(
    ("keyword", "words"), [("Rows", "Rows"), ("Columns", "Columns"), ("BitsAllocated", "Bits Allocated")]
)
def test_what_nothing_can_stand_in_for_is_named(keyword: str, words: str) -> None:
    ds = data_set(SIXTEEN)
    delattr(ds, keyword)
    with pytest.raises(ScanError, match=f"gives no {words}; export"):
        read_scan(written(ds))


def test_colour_without_samples_per_pixel_is_known_by_its_length() -> None:
    values = np.random.default_rng(0).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    ds = data_set(values)
    expected = read_scan(written(ds)).pixels
    del ds.SamplesPerPixel, ds.PhotometricInterpretation
    scan = read_scan(written(ds))
    assert np.array_equal(scan.pixels, expected) and sum("was assumed" in note for note in scan.warnings) == 2


@pytest.mark.parametrize(
    ("dtype", "stored", "pad", "written_as", "limit"),
    [
        (np.int16, 16, -32768, 32768, None),
        (np.int16, 16, -2000, 63536, None),
        (np.int16, 16, -2000, -2000, -1990),
        (np.int16, 16, -2000, 63546, 63536),
        (np.int16, 12, -2048, 63488, None),
        (np.int16, 12, -2048, 2048, None),
        (np.uint16, 16, 63536, -2000, None),
        (np.uint16, 12, 0, 0, None),
        (np.uint16, 12, 4095, 4095, None),
        (np.uint16, 12, 63536, -2000, None),
        (np.uint16, 12, 63536, 63536, None),
        (np.uint8, 8, 255, 255, None),
    ],
)
def test_padding_has_the_sign_of_the_pixels(
    dtype: Any, stored: int, pad: int, written_as: int, limit: int | None
) -> None:
    values = ramp(low=10, high=200, dtype=dtype)
    values[:, :8] = pad
    ds = data_set(values, bits=stored)
    ds.add_new("PixelPaddingValue", "SS" if written_as < 0 else "US", written_as)
    if limit is not None:
        ds.add_new("PixelPaddingRangeLimit", "SS" if limit < 0 else "US", limit)
    pixels = read_scan(written(ds)).pixels
    assert (pixels[:, :8] == 0).all()
    shown = values[:, 8:] / 255 if stored == 8 else stretched(values[:, 8:])
    near(pixels[:, 8:], shown)


def test_padding_of_float_pixels() -> None:
    values = ramp(low=10, high=200, dtype=np.float32)
    values[:, :8] = -1e4
    pixels = read_scan(dicom(values, FloatPixelPaddingValue=-1e4)).pixels
    assert (pixels[:, :8] == 0).all()
    near(pixels[:, 8:], stretched(values[:, 8:]))
