"""The frame around a retina: the same whatever the export kept, brightened or shrunk."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meddef_core.data.phantoms import oct_phantom
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.scans.retina import AXIAL_MM, FRAME_ROWS, frame_of, retina_row
from meddef_core.scans.scan import Pixels

RETINA = Preprocessing(crop="retina", fill_border=True)
LABELS = ("CNV", "DME", "DRUSEN", "NORMAL")


def pixels_of(label: str = "NORMAL", seed: int = 0) -> Pixels:
    return oct_phantom(label, seed=seed).scan.pixels


def likeness(one: Pixels, other: Pixels, *, reach: int = 5) -> float:
    """Correlation of the middle rows at the best of a few vertical shifts: the frame may lie some rows higher or lower,
    but layers fall on layers only at the same scale."""
    rows = range(60, 164)
    found = [np.corrcoef(one[60:164].ravel(), other[rows.start + d : rows.stop + d].ravel())[0, 1] for d in
             range(-reach, reach + 1)]  # fmt: skip
    return float(max(found))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 600), st.integers(1, 900), st.floats(0.0, 1.0))
def test_any_picture_becomes_a_square_in_range(height: int, width: int, level: float) -> None:
    pixels = np.random.default_rng(height).random((height, width)).astype(np.float32) * np.float32(level)
    out = RETINA(pixels)
    assert out.shape == (1, 224, 224) and out.dtype == np.float32 and np.isfinite(out).all()
    assert out.min() >= 0 and out.max() <= 1


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("seed", range(3))
def test_rows_cut_by_the_export_do_not_enlarge_the_retina(label: str, seed: int) -> None:
    pixels = pixels_of(label, seed)
    row = retina_row(pixels)
    cropped = pixels[max(0, row - 140) : row + 130]
    assert likeness(RETINA(pixels)[0], RETINA(cropped)[0]) > 0.93
    squashed = Preprocessing(crop="none")
    assert likeness(squashed(pixels)[0], squashed(cropped)[0]) < 0.8, "the comparison must see a stretch"


@pytest.mark.parametrize(("gain", "black"), [(0.6, 0.0), (0.8, 0.15), (0.5, 0.3)])
def test_brightness_and_contrast_of_the_export_do_not_matter(gain: float, black: float) -> None:
    pixels = pixels_of("DME")
    np.testing.assert_allclose(RETINA(pixels * np.float32(gain) + np.float32(black)), RETINA(pixels), atol=0.04)


def test_the_full_width_of_a_wide_scan_is_seen() -> None:
    pixels = np.hstack([pixels_of(), pixels_of(seed=1)])
    box = RETINA.seen(pixels)
    assert (box.left, box.right) == (0, pixels.shape[1])
    assert box.bottom - box.top == FRAME_ROWS


def test_a_shrunken_scan_is_framed_at_the_same_scale() -> None:
    pixels = pixels_of("DRUSEN")
    small = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert likeness(RETINA(pixels)[0], RETINA(small)[0]) > 0.9


def test_the_files_own_scale_counts() -> None:
    pixels = pixels_of()
    frame = frame_of(pixels, row_mm=AXIAL_MM / 2)
    assert frame.bottom - frame.top == 2 * FRAME_ROWS
    doubled = cv2.resize(pixels, None, fx=1.0, fy=2.0, interpolation=cv2.INTER_LINEAR)
    assert likeness(RETINA(pixels)[0], RETINA(doubled, row_mm=AXIAL_MM / 2)[0]) > 0.95


def test_white_registration_borders_do_not_move_the_frame() -> None:
    pixels = pixels_of("CNV").copy()
    before = frame_of(pixels)
    pixels[:70] = 1.0
    assert abs(RETINA.seen(pixels).top - before.top) <= 12


@pytest.mark.parametrize("label", ("CNV", "DME", "DRUSEN"))
def test_a_mask_goes_where_its_scan_goes(label: str) -> None:
    phantom = oct_phantom(label, seed=2)
    marked = phantom.scan.pixels.copy()
    marked[phantom.lesion] = 1.0
    mask = RETINA.carry(phantom.lesion.astype(np.float32), of=marked) > 0.9
    assert mask.any()
    assert RETINA(marked)[0][mask].min() > 0.9


def test_an_empty_picture_has_its_frame_in_the_middle() -> None:
    black = np.zeros((496, 512), np.float32)
    assert retina_row(black) == 248
    assert not RETINA(black).any()
