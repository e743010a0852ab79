"""Freed memory kept for the next step: counted in pages that the system had to hand out again."""

import platform
import subprocess
import sys

import pytest

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
