"""What another scanner would do to a batch: in range, drawn from the generator alone, the same for every class."""

import numpy as np
import pytest
import torch
from torch import Tensor

from meddef_core.training.scanner import WIDE, ScannerAugmentation
from meddef_core.training.sharing import BatchShare

QUIET = ScannerAugmentation(windows=0, margin=0, tilt=0, curve=0, blur=0, noise=0, cut=0, corners=0)


def batch(count: int = 8, side: int = 64) -> Tensor:
    return torch.rand(count, 1, side, WIDE * side, generator=torch.Generator().manual_seed(1))


def whole(augmentation: ScannerAugmentation, x: Tensor, *, seed: int = 0, share: BatchShare | None = None) -> Tensor:
    generator, part = torch.Generator().manual_seed(seed), share or BatchShare()
    x = augmentation.geometry(x, size=x.shape[2], generator=generator, share=part)
    return augmentation.appearance(x, generator=generator, share=part)


def test_pictures_stay_in_range_and_become_square() -> None:
    out = whole(ScannerAugmentation(noise=1.0), batch())
    assert out.shape == (8, 1, 64, 64)
    assert out.min() >= 0 and out.max() <= 1


def test_the_same_seed_draws_the_same_and_another_one_does_not() -> None:
    x = batch()
    torch.testing.assert_close(whole(ScannerAugmentation(), x), whole(ScannerAugmentation(), x), rtol=0, atol=0)
    assert not torch.allclose(whole(ScannerAugmentation(), x), whole(ScannerAugmentation(), x, seed=1))


def test_two_processes_draw_what_one_would() -> None:
    x = batch()
    halves = [whole(ScannerAugmentation(), x[4 * i : 4 * i + 4], share=BatchShare(i, 2)) for i in range(2)]
    torch.testing.assert_close(torch.cat(halves), whole(ScannerAugmentation(), x))


def test_with_everything_off_a_scan_is_only_squeezed_to_its_width() -> None:
    x = batch()
    expected = x.unflatten(3, (-1, WIDE)).mean(dim=4)  # each pixel is the mean of the two it covers
    torch.testing.assert_close(whole(QUIET, x), expected, atol=1e-5, rtol=0)


def test_a_window_shows_a_part_of_the_width_stretched() -> None:
    side = 64
    ramp = torch.linspace(0, 1, WIDE * side).expand(200, 1, side, -1)
    cut = QUIET.model_copy(update={"windows": 1.0, "narrowest": 0.4, "widest": 0.6})
    out = cut.geometry(ramp, size=side, generator=torch.Generator().manual_seed(0))
    shown = (out[:, 0, 0, -1] - out[:, 0, 0, 0]) * side / (side - 1)
    assert shown.min() > 0.39 and shown.max() < 0.61
    assert out[:, 0, 0].min() >= 0 and out[:, 0, 0].max() <= 1
    middles = out[:, 0, 0].mean(dim=1)
    assert middles.min() < 0.3 and middles.max() > 0.7, "windows come from both sides"


def test_rows_are_cut_above_and_below_and_never_in_the_middle() -> None:
    x = torch.full((300, 1, 50, 100), 0.5)
    cut = QUIET.model_copy(update={"cut": 0.28})
    out = whole(cut, x)[:, 0, :, 0]
    missing = (out - 0.5).abs() > 1e-3
    assert missing[:, 0].float().mean() == pytest.approx(0.6, abs=0.1)
    assert missing[:, -1].float().mean() == pytest.approx(0.6, abs=0.1)
    assert not missing[:, 15:35].any()


def test_the_grain_is_as_strong_as_asked_on_average() -> None:
    x = torch.full((400, 1, 40, 80), 0.5)
    out = whole(QUIET.model_copy(update={"noise": 0.2}), x)
    spread = out.flatten(1).std(dim=1).numpy()
    assert spread.max() < 0.22
    # The mean of u^2 over u in [0, 1] is a third; where the grain is coarse it is two thirds as strong.
    assert np.mean(spread) == pytest.approx(0.2 / 3 * (1 + 2 / 3) / 2, rel=0.15)


def test_a_window_cannot_be_widest_below_its_narrowest() -> None:
    with pytest.raises(ValueError, match="narrowest"):
        ScannerAugmentation(narrowest=0.7, widest=0.6)
