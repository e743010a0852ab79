"""A certificate with n = 1,000 by the networks of the recipes: `pytest tests/benchmarks --benchmark-enable`."""

from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from meddef_core.certification import smoothed
from meddef_core.certification.certify import certify_image
from meddef_core.model import MedDef
from meddef_core.training.recipe import load_recipe

RECIPES = Path(__file__).resolve().parents[2] / "assets" / "recipes"


@pytest.mark.benchmark(group="certificate, n = 1,000, one core", min_rounds=3, warmup=True)
@pytest.mark.parametrize("task", ["oct", "chest"])
def test_a_certificate(benchmark: BenchmarkFixture, task: str) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.manual_seed(0)
        network = smoothed(MedDef(load_recipe(RECIPES / f"{task}-meddef-certified.yaml").model_config_of_task()).eval())
        found = benchmark(certify_image, network, torch.rand(1, 224, 224), n=1000)
    finally:
        torch.set_num_threads(threads)
    assert sum(found.votes) == 1000
