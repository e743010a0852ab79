"""Freed memory kept for the next step: counted in pages that the system had to hand out again."""

import platform
import subprocess
import sys

import pytest
import torch

from meddef_core.model import MedDef, MedDefConfig
from meddef_core.training.run import memory_format_of

COUNT = """
import resource, sys
import torch
from meddef_core.training.memory import keep_freed_memory

torch.set_num_threads(1)
if sys.argv[1] == "keep":
    assert keep_freed_memory()
for step in range(12):
    if step == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    first = torch.ones(12_000_000)
    second = first + 1
    del first, second
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_memory_that_is_kept_is_not_asked_for_again() -> None:
    asked = {}
    for how in ("keep", "leave"):
        done = subprocess.run([sys.executable, "-c", COUNT, how], capture_output=True, text=True, check=True)
        asked[how] = int(done.stdout)
    # Twenty tensors of 48 MB: 234,000 pages of 4 KB where each is mapped anew. Kept, a few fill gaps of alignment.
    assert asked["keep"] < asked["leave"] / 4


@pytest.mark.parametrize(
    ("width", "expected"), [(4, torch.contiguous_format), (8, torch.channels_last), (32, torch.channels_last)]
)
def test_channels_come_last_only_where_onednn_stays_within_bounds(width: int, expected: torch.memory_format) -> None:
    """On processors without AVX-512 the gradient of a 1x1 convolution of 4 channels overran its memory."""
    assert memory_format_of(MedDef(MedDefConfig(classes=2, width=width, pool=4))) == expected
