"""Heidelberg .vol files written from the published layout: no file of a device was at hand."""

import struct

import numpy as np
import pytest
from refusals import refused_as
from scan_files import PATIENT, png
from volume_files import GAP, cube, packed, vol

from meddef_core.errors import ScanError
from meddef_core.scans import FrameError, Scan, read_scan, read_volume

OUTSIDE = np.finfo(np.float32).max
VALUES = (np.random.default_rng(0).random((6, 60, 80)) ** 4).astype(np.float32)
VALUES[:, :, :3] = OUTSIDE
FUNDUS = cube(1, (50, 70), seed=5)[0]


def test_slices_are_the_fourth_root_and_black_outside() -> None:
    data = vol(VALUES, fundus=FUNDUS)
    volume = read_volume(data)
    assert (volume.source, len(volume)) == ("Heidelberg .vol", 6)
    for number, (found, stored) in enumerate(zip(volume.scans(), VALUES, strict=True), start=1):
        assert isinstance(found, Scan)
        reference = np.where(stored > 1, 0, stored.astype(np.float64)) ** 0.25
        np.testing.assert_allclose(found.pixels, reference, atol=1e-6)
        for alone in (volume.scan(number), read_scan(data, frame=number)):
            np.testing.assert_array_equal(alone.pixels, found.pixels)
            assert (alone.digest, alone.row_mm, alone.tags) == (found.digest, 0.00387, found.tags)


def test_distances_eye_and_fundus_are_told() -> None:
    volume = read_volume(packed({"smith.vol": vol(VALUES, eye=b"OS", fundus=FUNDUS)}))
    assert (volume.row_mm, volume.column_mm, volume.slice_mm) == (0.00387, 0.0116, GAP)
    assert volume.laterality == "L" and volume.localiser is not None
    np.testing.assert_allclose(volume.localiser.pixels, FUNDUS / np.float32(255), atol=1e-6)
    assert read_volume(vol(VALUES, eye=b"??")).laterality is None
    assert read_volume(vol(VALUES)).localiser is None


def test_a_name_in_the_header_is_not_kept() -> None:
    data = vol(VALUES)
    assert PATIENT.encode() in data and PATIENT not in repr(read_scan(data, frame=1))


def test_a_slice_must_be_chosen_and_a_window_does_not_apply() -> None:
    with pytest.raises(FrameError) as caught:
        read_scan(vol(VALUES))
    assert caught.value.frames == 6
    with refused_as(ScanError, "scan.window-does-not"):
        read_scan(vol(VALUES), frame=1, window=(0.5, 1.0))
    assert read_volume(vol(VALUES[:1])).source == "Heidelberg .vol" or len(read_volume(vol(VALUES[:1]))) == 1


def test_a_longer_header_of_each_slice_is_skipped() -> None:
    (first, *_) = read_volume(vol(VALUES, header=1024)).scans()
    assert isinstance(first, Scan)
    np.testing.assert_allclose(first.pixels[:, 3:], VALUES[0, :, 3:] ** 0.25, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (vol(VALUES)[:-1], "damaged or cut short"),
        (vol(VALUES)[:60], "damaged or cut short"),
        (vol(VALUES, slices=2**31 - 1), "damaged or cut short"),
        (vol(VALUES, slices=-1), "damaged or cut short"),
        (vol(VALUES, rows=2**30, columns=2**30), "megapixels"),
        (vol(VALUES, rows=8), "too small"),
        (vol(VALUES, header=8), "damaged or cut short"),
        (vol(np.full_like(VALUES, np.nan)), "blank"),
    ],
)
def test_headers_that_lie_cost_one_sentence(data: bytes, part: str) -> None:
    with pytest.raises(ScanError, match=part):
        volume = read_volume(data)
        raise next(each for each in volume.scans() if isinstance(each, ScanError))


def test_values_that_are_no_share_are_black() -> None:
    values = VALUES.copy()
    values[0, 10:20, 10:20] = -1
    values[0, 20:30, 20:30] = np.inf
    values[0, 30:40, 30:40] = np.nan
    (first, *_) = read_volume(vol(values)).scans()
    assert isinstance(first, Scan)
    for start in (10, 20, 30):
        assert not first.pixels[start : start + 10, start : start + 10].any()


def test_it_does_not_stand_beside_pictures() -> None:
    with refused_as(ScanError, "scan.files-dicom"):
        read_volume([("a.vol", vol(VALUES[:1])), ("1.png", png(cube(1)[0])), ("2.png", png(cube(1, seed=1)[0]))])


def test_random_damage_costs_sentences() -> None:
    rng, whole = np.random.default_rng(0), vol(VALUES, fundus=FUNDUS)
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, 120, 4):
            data[place] = rng.integers(256)
        struct.pack_into("<8s", data, 0, b"HSF-OCT-")
        try:
            found = list(read_volume(bytes(data)).scans())
        except ScanError as error:
            assert str(error).endswith(".")
        else:
            assert all(isinstance(each, Scan) or str(each).endswith(".") for each in found)
