"""Damaged files give a Scan or a ScanError, never another exception."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from scan_files import colour, data_set, dicom, encapsulated, jpeg, png, ramp, saved, written

from meddef_core.errors import ScanError
from meddef_core.scans import Scan, read_scan, window_range
from meddef_core.scans.decode import read_picture


def compressed(form: str) -> bytes:
    ds = data_set(ramp(size=(32, 32)))
    if form == "RLE":
        ds.compress(uid.RLELossless, generate_instance_uid=False)
        return written(ds)
    syntax = {"JPEG": uid.JPEGBaseline8Bit, "JPEG2000": uid.JPEG2000Lossless}[form]
    options = {"no_jp2": True} if form == "JPEG2000" else {}
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([saved(Image.fromarray(ramp(size=(32, 32))), form, **options)])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return written(ds)


def with_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "description"
    return saved(Image.fromarray(ramp(size=(32, 32))), "JPEG", exif=exif)


def deep(**elements: Any) -> bytes:
    """12 bits of a 16-bit container, with whatever else decides how they are shown."""
    return dicom(ramp(high=4095, size=(32, 32), dtype=np.uint16), bits=12, **elements)


def item(**elements: Any) -> Sequence:
    holder = Dataset()
    for keyword, value in elements.items():
        setattr(holder, keyword, value)
    return Sequence([holder])


def lookup() -> Sequence:
    made = item()
    made[0].add_new("LUTDescriptor", "SS", [4096, -100, 12])
    made[0].add_new("LUTData", "US", list(range(4096)))
    return made


def per_frame() -> bytes:
    """Windows and rescale of an enhanced file."""
    shown = item(WindowCenter=1000, WindowWidth=3000, VOILUTFunction="SIGMOID")
    scaled = item(RescaleSlope="1.5", RescaleIntercept="-1024")
    groups = item(FrameVOILUTSequence=shown, PixelValueTransformationSequence=scaled)
    return deep(PerFrameFunctionalGroupsSequence=groups, PresentationLUTShape="INVERSE")


def deflated() -> bytes:
    ds = data_set(ramp(size=(32, 32)))
    ds.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    return written(ds)


VALID = {
    "grey PNG": png(ramp(size=(32, 32))),
    "palette PNG": saved(Image.fromarray(colour((32, 32))).quantize(16), "PNG"),
    "16-bit PNG": png(ramp(high=65535, size=(32, 32), dtype=np.uint16)),
    "JPEG": jpeg(colour((32, 32))),
    "JPEG with EXIF": with_exif(),
    "DICOM": dicom(ramp(high=4095, size=(32, 32), dtype=np.uint16), bits=12, WindowCenter=2000, WindowWidth=3000),
    "DICOM left-justified": dicom(ramp(high=65520, size=(32, 32), dtype=np.uint16), bits=12, HighBit=15),
    "DICOM padding": dicom(
        ramp(high=4095, size=(32, 32), dtype=np.int16), PixelPaddingValue=40, PixelPaddingRangeLimit=90
    ),
    "DICOM VOI LUT": deep(VOILUTSequence=lookup(), RescaleSlope="1", RescaleIntercept="-1024"),
    "DICOM modality LUT": deep(ModalityLUTSequence=lookup(), WindowCenter=2000, WindowWidth=3000),
    "DICOM per frame": per_frame(),
    "DICOM deflated": deflated(),
    "DICOM JPEG": compressed("JPEG"),
    "DICOM colour JPEG": encapsulated(data_set(colour((32, 32))), jpeg(colour((32, 32))), uid.JPEGBaseline8Bit),
    "DICOM JPEG 2000": compressed("JPEG2000"),
    "DICOM RLE": compressed("RLE"),
}


def read_or_refuse(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom and Pillow remark on what they find odd
        try:
            scan = read_scan(data)
            window_range(data)
            read_picture(data, channels=3)
        except ScanError:
            return
    assert isinstance(scan, Scan)
    assert np.isfinite(scan.pixels).all()
    assert scan.pixels.min() >= 0 and scan.pixels.max() <= 1


@pytest.mark.parametrize("name", VALID)
def test_what_is_damaged_below_is_whole(name: str) -> None:
    assert read_scan(VALID[name]).size == (32, 32)


damage = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8)


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(flips=damage, cut=st.one_of(st.none(), st.floats(0, 1)))
@example(flips=[(0.0, 0)], cut=None)
def test_flipped_and_cut_bytes(name: str, flips: list[tuple[float, int]], cut: float | None) -> None:
    data = bytearray(VALID[name])
    for place, value in flips:
        data[int(place * len(data))] = value
    read_or_refuse(bytes(data if cut is None else data[: int(cut * len(data))]))


@pytest.mark.parametrize("name", [name for name in VALID if name.startswith("DICOM") and "deflated" not in name])
@settings(max_examples=100, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_damage_in_the_dicom_header(name: str, place: float, value: int) -> None:
    """The header is short beside the pixels, and holds everything that decides how they are read."""
    data = bytearray(VALID[name])
    end = data.rindex(b"\xe0\x7f\x10\x00") + 12
    data[132 + int(place * (end - 132))] = value
    read_or_refuse(bytes(data))


@settings(max_examples=200, deadline=None)
@given(start=st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", bytes(128) + b"DICM", b""]), rest=st.binary())
def test_noise_behind_a_valid_mark(start: bytes, rest: bytes) -> None:
    read_or_refuse(start + rest)
