"""PGD-10 beside torchattacks', on one model in one run: `pytest tests/benchmarks --benchmark-enable`."""

import copy
from collections.abc import Callable

import pytest
import torch
import torchattacks
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.model import MedDef, MedDefConfig

EPS = 4 / 255


def ours(net: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    spec = AttackSpec(name="pgd", eps=EPS, steps=10)
    return lambda x, y: run_attack(net, x, y, spec).adversarial


def theirs(net: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    return torchattacks.PGD(copy.deepcopy(net), eps=EPS, alpha=EPS / 4, steps=10)


@pytest.mark.benchmark(group="PGD-10, 4 images at 224", min_rounds=3, warmup=True)
@pytest.mark.parametrize("library", [ours, theirs])
def test_pgd_10(benchmark: BenchmarkFixture, library: Callable[..., Callable[[Tensor, Tensor], Tensor]]) -> None:
    torch.manual_seed(0)
    net = MedDef(MedDefConfig(classes=4, width=16, pool=2)).eval().requires_grad_(False)
    x = torch.rand(4, 1, 224, 224)
    y = net(x).argmax(dim=1)
    adversarial = benchmark(library(net), x, y)
    assert 0 < (adversarial - x).abs().max() <= EPS + 1e-6
