"""Augmentation with torchvision's warp beside one warp of the batch: `pytest tests/benchmarks --benchmark-enable`."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from meddef_core.training import augment
from meddef_core.training.augment import Augmentation


def of_the_batch(x: Tensor, theta: Tensor) -> Tensor:
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


@pytest.mark.benchmark(group="augmentation, 128 scans, one core", min_rounds=5, warmup=True)
@pytest.mark.parametrize("warp", [augment.warped, of_the_batch], ids=["torchvision", "one batch"])
def test_an_augmented_batch(
    benchmark: BenchmarkFixture, monkeypatch: pytest.MonkeyPatch, warp: Callable[[Tensor, Tensor], Tensor]
) -> None:
    monkeypatch.setattr(augment, "warped", warp)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = benchmark(Augmentation(gamma=0.4), torch.rand(128, 1, 224, 224), generator=torch.Generator())
    finally:
        torch.set_num_threads(threads)
    assert found.shape == (128, 1, 224, 224)
