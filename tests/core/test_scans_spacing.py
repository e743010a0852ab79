"""The height of a B-scan's pixel in tissue, where a DICOM file tells it; a placeholder tells nothing."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from scan_files import data_set, ramp, written

from meddef_core.scans import read_scan
from meddef_core.scans.preprocess import Preprocessing


def measured(spacing: list[float]) -> Sequence:
    group, measures = Dataset(), Dataset()
    measures.PixelSpacing = spacing
    group.PixelMeasuresSequence = Sequence([measures])
    return Sequence([group])


def row_mm(ds: Dataset, *, frame: int | None = None) -> float | None:
    return read_scan(written(ds), frame=frame).row_mm


def test_the_frames_own_spacing_comes_before_the_shared_one() -> None:
    ds = data_set(np.stack([ramp(), ramp()]), frames=2, Modality="OPT")
    ds.SharedFunctionalGroupsSequence = measured([0.0039, 0.011])
    assert row_mm(ds, frame=2) == pytest.approx(0.0039)
    ds.PerFrameFunctionalGroupsSequence = Sequence([*measured([0.002, 0.01]), *measured([0.003, 0.01])])
    assert [row_mm(ds, frame=n) for n in (1, 2)] == [pytest.approx(0.002), pytest.approx(0.003)]


@pytest.mark.parametrize(
    ("modality", "spacing", "expected"),
    [
        ("OPT", [0.00387, 0.0114], 0.00387),
        ("OPT", [1.0, 1.0], None),
        ("OPT", [0.0, 0.0], None),
        ("DX", [0.00387, 0.0114], None),
    ],
)
def test_a_root_spacing_counts_for_tomography_and_within_reason(
    modality: str, spacing: list[float], expected: float | None
) -> None:
    found = row_mm(data_set(ramp(), Modality=modality, PixelSpacing=spacing))
    assert found == (None if expected is None else pytest.approx(expected))


def test_the_frame_of_a_scan_follows_its_spacing() -> None:
    plain, fine = Preprocessing(crop="retina"), 0.00387 / 2
    pixels = read_scan(written(data_set(ramp(size=(1024, 512)), Modality="OPT", PixelSpacing=[fine, 0.01]))).pixels
    box = plain.seen(pixels, row_mm=fine)
    assert box.bottom - box.top == 704
