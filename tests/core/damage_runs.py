"""Thousands of damaged files through the workers, in a process that stands for the server: what came of them.

The process is a fresh one for each run, so that a crash ends it and not the tests, and so that the memory it names is
of these files alone.
"""

import multiprocessing
import os
import resource
import time
import zlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from damage_forms import Form, every_form

from meddef_core.errors import ScanError
from meddef_core.scans import Scan, close_decoders, isolated, read_scan_isolated, read_volume

LONGEST = 5.0
"""Seconds by the clock that one file may take."""

MOST_MB = 1500

AT_ONCE = 4
"""Files read at once, each by a worker of its own: as on a server, and the tests wait less."""

AGAIN = 3
"""A file that took too long is read so often again: on a busy machine anything may take long once."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of `files` damaged copies: how many were read, how many refused, and what must not happen."""

    files: int
    read: int
    refused: int
    unforeseen: int
    """Exceptions in a worker that the readers do not know."""
    ended: int
    """Workers that were ended or died: over a limit, or crashed."""
    other: tuple[str, ...]
    """Exceptions that reached the server, by name."""
    slow: int
    """Files over `LONGEST`, each time they were read."""
    slowest_s: float
    memory_mb: float
    """No more was ever held by the server or one worker; Linux counts what ran the tests in, as their origin."""


def run(name: str, *, count: int, seed: int = 0) -> Outcome:
    """Read so many damaged copies of a form; BrokenProcessPool where the server crashed."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_run, name, count, seed).result()


def _run(name: str, count: int, seed: int) -> Outcome:
    os.environ["MEDDEF_DECODERS"] = str(AT_ONCE)
    form = every_form()[name]
    _read(form, form.whole)  # the worker is there from here on
    kind = zlib.crc32(name.encode())
    with ThreadPoolExecutor(AT_ONCE) as readers:
        found = list(readers.map(lambda number: _tried(form, (kind, seed, number)), range(count)))
    memory = _peak_mb()
    told = Counter(each for each, _ in found)
    slowest = max(seconds for _, seconds in found)
    return Outcome(
        files=count,
        **{kind: told.pop(kind, 0) for kind in ("read", "refused", "unforeseen", "ended")},
        other=tuple(sorted(told)),
        slow=sum(seconds > LONGEST for _, seconds in found),
        slowest_s=round(slowest, 2),
        memory_mb=round(memory),
    )


def _tried(form: Form, numbers: tuple[int, ...]) -> tuple[str, float]:
    """What came of one damaged copy, and the seconds that it takes."""
    data = form.damaged(np.random.default_rng(numbers))
    found, seconds = _timed(form, data)
    if seconds > LONGEST:
        seconds = min(seconds, *(_timed(form, data)[1] for _ in range(AGAIN)))
    return found, seconds


def _timed(form: Form, data: bytes) -> tuple[str, float]:
    began = time.monotonic()
    try:
        found = _read(form, data)
    except Exception as error:  # what must not happen, and is to be counted and named
        found = f"{type(error).__name__}: {error}"
    return found, time.monotonic() - began


def _read(form: Form, data: bytes) -> str:
    """Read a file to its end, or to the sentence that refuses it; what came of it."""
    try:
        found = list(read_volume(data).scans()) if form.volume else [read_scan_isolated(data, frame=form.frame)]
    except ScanError as error:
        return _kind(error)
    kinds = [_checked(each) if isinstance(each, Scan) else _kind(each) for each in found]
    return next((kind for kind in ("unforeseen", "ended", "read") if kind in kinds), "refused")


def _kind(error: ScanError) -> str:
    sentence = str(error)
    assert sentence.endswith(".") and "\n" not in sentence, sentence
    if isolated._UNFORESEEN in sentence:
        return "unforeseen"
    return "ended" if isolated._COSTS in sentence else "refused"


def _checked(scan: Scan) -> str:
    low, high = float(scan.pixels.min()), float(scan.pixels.max())
    assert low >= 0 and high <= 1, (low, high)
    return "read"


def _peak_mb() -> float:
    """The most megabytes of this process or any of its workers, those that have ended included."""
    living = [_high_water(pid) for pid in isolated.decoders().pids]
    close_decoders()
    # Not of RUSAGE_SELF: a process begins with the peak of the one that started it.
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return max(_high_water(os.getpid()), ended, *living)


def _high_water(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)
