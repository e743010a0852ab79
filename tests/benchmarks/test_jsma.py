"""What one scan costs JSMA, on a shipped model: `pytest tests/benchmarks/test_jsma.py --benchmark-enable`."""

import multiprocessing

import pytest
from measure_jsma import one_sample
from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.benchmark(group="JSMA, every step, one image at 224")
def test_one_scan_fits_in_half_a_minute_and_a_gigabyte(benchmark: BenchmarkFixture) -> None:
    """A search over all pairs would hold 2.5 billion of them. In a process of its own, for its peak memory."""
    if benchmark.disabled:
        pytest.skip("seconds and memory are measured with --benchmark-enable")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = benchmark.pedantic(pool.apply, args=(one_sample, (False,)), rounds=1)
    benchmark.extra_info.update(found)
    assert found["CPU seconds"] < 30  # on two cores: no more than that by the clock
    assert found["extra MB at the peak"] < 1000
