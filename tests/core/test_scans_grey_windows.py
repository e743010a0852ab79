"""From modality units to the screen: windows for each frame, windows for other values, and which end is bright."""

from typing import Any

import numpy as np
import pytest
from grey_files import SIXTEEN, TWELVE, group, linear, near, only_warning, stretched, table
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from refusals import refused_as
from scan_files import Array, data_set, dicom, ramp, written

from meddef_core.errors import ScanError
from meddef_core.scans import read_scan, window_range

FRAMES = np.stack([TWELVE, TWELVE[::-1], TWELVE[:, ::-1]])


def test_each_frame_has_its_own_window_and_rescale() -> None:
    ds = data_set(FRAMES, bits=12, frames=3, WindowCenter=1, WindowWidth=4095)
    settings_of = [(1000, 900, 1.0, 0.0), (500, 2000, 0.5, -100.0), (-400, 1500, 1.0, -1024.0)]
    per_frame = []
    for centre, width, slope, intercept in settings_of:
        holder = group("FrameVOILUTSequence", WindowCenter=centre, WindowWidth=width)
        holder.update(group("PixelValueTransformationSequence", RescaleSlope=slope, RescaleIntercept=intercept))
        per_frame.append(holder)
    ds.PerFrameFunctionalGroupsSequence = Sequence(per_frame)
    data = written(ds)
    for number, (centre, width, slope, intercept) in enumerate(settings_of, start=1):
        units = FRAMES[number - 1] * slope + intercept
        near(read_scan(data, frame=number).pixels, linear(units, centre, width), atol=2e-5)
        found = window_range(data, frame=number)
        assert found is not None and (found.centre, found.width) == (centre, width)
        assert (found.low, found.high) == (units.min(), units.max())


def test_what_a_frame_does_not_say_the_shared_group_says_then_the_root() -> None:
    ds = data_set(FRAMES, bits=12, frames=3, WindowCenter=2048, WindowWidth=4096, RescaleSlope=1, RescaleIntercept=-24)
    ds.SharedFunctionalGroupsSequence = Sequence([group("FrameVOILUTSequence", WindowCenter=1500, WindowWidth=2000)])
    ds.PerFrameFunctionalGroupsSequence = Sequence(
        [Dataset(), group("FrameVOILUTSequence", WindowCenter=900, WindowWidth=800)]
    )
    data = written(ds)
    for number, (centre, width) in enumerate([(1500, 2000), (900, 800), (1500, 2000)], start=1):
        near(read_scan(data, frame=number).pixels, linear(FRAMES[number - 1] - 24.0, centre, width), atol=2e-5)


def test_a_lookup_table_of_one_frame() -> None:
    squares = [level * level // 4095 for level in range(4096)]
    ds = data_set(FRAMES[:2], bits=12, frames=2, WindowCenter=2048, WindowWidth=4096)
    ds.PerFrameFunctionalGroupsSequence = Sequence(
        [group("FrameVOILUTSequence", VOILUTSequence=table(squares, bits=12)), Dataset()]
    )
    near(read_scan(written(ds), frame=1).pixels, np.array(squares)[FRAMES[0]] / 4095)
    near(read_scan(written(ds), frame=2).pixels, linear(FRAMES[1], 2048, 4096))


@pytest.mark.parametrize("function", ["SIGMOID", "LINEAR_EXACT"])
def test_the_function_of_a_frame(function: str) -> None:
    ds = data_set(TWELVE, bits=12)
    ds.SharedFunctionalGroupsSequence = Sequence(
        [group("FrameVOILUTSequence", WindowCenter=2000, WindowWidth=900, VOILUTFunction=function)]
    )
    ramped = (TWELVE - 2000.0) / 900
    expected = 1 / (1 + np.exp(-4 * ramped)) if function == "SIGMOID" else np.clip(ramped + 0.5, 0, 1)
    near(read_scan(written(ds)).pixels, expected)


EIGHT = ramp(low=20, high=240)
STALE: list[tuple[Array, int, float, float, Array]] = [
    (EIGHT, 8, 2048, 4096, EIGHT / 255),
    (EIGHT, 8, 512, 1024, EIGHT / 255),
    (EIGHT, 8, 32768, 65536, EIGHT / 255),
    (EIGHT, 8, -1000, 400, EIGHT / 255),
    (EIGHT, 8, 0, 1, EIGHT / 255),
    (TWELVE, 12, 32768, 65536, stretched(TWELVE)),
    (TWELVE, 12, 8192, 16384, stretched(TWELVE)),
    (TWELVE, 12, 128, 256, stretched(TWELVE)),
    (TWELVE, 12, 127, 255, stretched(TWELVE)),
    (TWELVE, 16, 32768, 65536, stretched(TWELVE)),
    (TWELVE, 12, 0, 1, stretched(TWELVE)),
    (TWELVE, 12, 4095, 1, stretched(TWELVE)),
    (TWELVE, 12, -5000, 300, stretched(TWELVE)),
    (TWELVE, 12, 1e6, 10, stretched(TWELVE)),
]


@pytest.mark.parametrize(("values", "bits", "centre", "width", "expected"), STALE)
def test_a_window_for_other_values_is_left_out(
    values: Array, bits: int, centre: float, width: float, expected: Array
) -> None:
    scan = read_scan(dicom(values, bits=bits, WindowCenter=centre, WindowWidth=width))
    near(scan.pixels, expected)
    assert f"window (centre {centre:g}, width {width:g}) does not suit its values" in only_warning(scan)


@pytest.mark.parametrize(
    ("values", "bits", "centre", "width"),
    [(EIGHT, 8, 128, 256), (EIGHT, 8, 60, 40), (EIGHT, 8, 200, 400), (TWELVE, 12, 2048, 4096), (TWELVE, 16, 2048, 4096),
     (TWELVE, 12, 600, 1200), (TWELVE, 12, 2048, 200), (TWELVE, 12, 3000, 6000), (SIXTEEN, 16, 2048, 4096 * 3)],
)  # fmt: skip
def test_a_window_that_shows_something_is_followed(values: Array, bits: int, centre: float, width: float) -> None:
    scan = read_scan(dicom(values, bits=bits, WindowCenter=centre, WindowWidth=width))
    near(scan.pixels, linear(values, centre, width))
    assert scan.warnings == ()


def test_the_second_window_serves_where_the_first_does_not() -> None:
    scan = read_scan(dicom(TWELVE, bits=12, WindowCenter=[0, 2048], WindowWidth=[1, 4096]))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert "first window (centre 0, width 1)" in only_warning(scan)


def test_a_blank_picture_stays_blank_in_a_window_that_suits_it() -> None:
    noise = np.random.default_rng(0).integers(2000, 2010, (64, 64)).astype(np.uint16)
    with refused_as(ScanError, "scan.image-blank"):
        read_scan(dicom(noise, bits=12, WindowCenter=2048, WindowWidth=4096))


def test_eight_bits_keep_their_whole_range_after_a_rescale() -> None:
    near(read_scan(dicom(EIGHT, RescaleSlope=2, RescaleIntercept=-100)).pixels, EIGHT / 255)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "told"),
    [
        ("MONOCHROME2", None, False, False),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", None, True, False),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME1", "IDENTITY", False, True),
        ("MONOCHROME2", "LIN OD", False, False),
        ("MONOCHROME 1", None, True, False),
    ],
)
def test_which_end_is_bright(photometric: str, shape: str | None, inverted: bool, told: bool) -> None:
    ds = data_set(TWELVE, bits=12, WindowCenter=2048, WindowWidth=4096, PhotometricInterpretation=photometric)
    if shape is not None:
        ds.PresentationLUTShape = shape
    scan = read_scan(written(ds))
    shown = linear(TWELVE, 2048, 4096)
    near(scan.pixels, 1 - shown if inverted else shown)
    assert scan.warnings == () if not told else f"Shape {shape} contradicts {photometric}" in only_warning(scan)


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"PresentationLUTSequence": Sequence([Dataset()])}, "presentation lookup table"),
        ({"PixelPresentation": "MIXED"}, "colour palette"),
        ({"PixelPresentation": "MONOCHROME"}, ""),
    ],
)
def test_what_is_not_applied_is_told(elements: dict[str, Any], words: str) -> None:
    scan = read_scan(dicom(TWELVE, bits=12, WindowCenter=2048, WindowWidth=4096, **elements))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert scan.warnings == () if not words else words in only_warning(scan)
