"""Geometry: crop, border, size; and that an original and its 224-pixel copy become the same picture."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meddef_core.scans import read_scan
from meddef_core.scans.preprocess import Preprocessing, centre_square, fill_white_border, resize
from meddef_core.tasks import get_task


@settings(max_examples=25, deadline=None)
@given(st.integers(32, 400), st.integers(32, 400), st.sampled_from(["none", "centre"]), st.booleans())
def test_every_scan_becomes_224_in_range(height: int, width: int, crop: str, fill: bool) -> None:
    pixels = np.random.default_rng(height * 1000 + width).random((height, width)).astype(np.float32)
    out = Preprocessing(crop=crop, fill_border=fill)(pixels)  # type: ignore[arg-type]
    assert out.shape == (1, 224, 224) and out.dtype == np.float32
    assert out.min() >= 0 and out.max() <= 1


def test_the_crop_is_centred() -> None:
    pixels = np.zeros((4, 8), np.float32)
    pixels[:, 2:6] = 1
    np.testing.assert_array_equal(centre_square(pixels), np.ones((4, 4), np.float32))


def test_white_padding_at_the_border_goes_and_white_tissue_stays() -> None:
    pixels = np.full((100, 100), 0.2, np.float32)
    pixels[:20] = 1.0
    pixels[50:55, 40:60] = 1.0
    filled = fill_white_border(pixels)
    assert filled[:20].max() == pytest.approx(0.2)
    assert filled[50:55, 40:60].min() == 1.0
    assert pixels[:20].min() == 1.0, "the input must not change"


def test_an_image_without_padding_is_untouched() -> None:
    pixels = np.full((50, 50), 0.3, np.float32)
    assert fill_white_border(pixels) is pixels


def test_an_all_white_image_is_left_alone() -> None:
    pixels = np.ones((50, 50), np.float32)
    np.testing.assert_array_equal(fill_white_border(pixels), pixels)


def test_resizing_keeps_the_mean_and_the_right_size() -> None:
    pixels = np.random.default_rng(0).random((448, 448)).astype(np.float32)
    small = resize(pixels, 224)
    assert small.mean() == pytest.approx(pixels.mean(), abs=1e-3)
    np.testing.assert_array_equal(resize(small, 224), small)


def test_an_original_and_its_copy_become_the_same_picture(data_dir: Path) -> None:
    preprocessing = get_task("chest").preprocessing
    originals = sorted((data_dir / "chest_xray_fullres").glob("*/*.jpeg"))
    assert len(originals) == 32
    for path in originals:
        copy = data_dir / "chest_xray" / "train" / path.parent.name / path.name
        one, other = (preprocessing(read_scan(p.read_bytes()).pixels)[0] for p in (path, copy))
        # What is left is the copy's JPEG noise: about 2 grey levels of 255 on average.
        assert np.abs(one - other).mean() < 4 / 255
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.995
