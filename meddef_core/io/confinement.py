"""What a worker may use, and how the system is asked to hold it to that.

Linux: address space, processor time and core files are limited by the kernel (`setrlimit`). macOS: processor time and
core files; the kernel takes a limit on address space and does not enforce it. Windows has none of these. A worker says
which limits hold (`confine`), and where processor time is not among them its parent falls back on a shorter deadline
by the clock, `WorkerLimits.clock_seconds_alone`.
"""

import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MEMORY, PROCESSOR = "memory", "processor"
"""Names of the limits that a worker reports."""

_UNKNOWN_START = 400 * 1024**2
"""Address space of a worker that has its libraries loaded, where the system does not tell."""


@dataclass(frozen=True, kw_only=True)
class WorkerLimits:
    """What one call of a worker may use; the defaults suit one scan."""

    memory_bytes: int = 1_200_000_000
    """Address space on top of what the worker's libraries take (about 400 MB, most of it never touched)."""
    processor_seconds: int = 8
    """Processor time, so that a busy machine refuses no file that an idle one reads. The dearest legal scans take 2 to
    4 s on an idle machine, and twice that where other work shares the core and its cache.
    """
    clock_seconds: float = 60.0
    """Time by the clock, for what waits without working."""
    clock_seconds_alone: float = 15.0
    """The same where the system does not limit processor time."""
    calls: int = 200
    """Calls after which a worker is replaced, so that nothing builds up in it."""


def confine(limits: WorkerLimits) -> list[str]:
    """Limit this process for the rest of its life; returns the names of the limits that hold."""
    if resource is None:
        return []
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return [PROCESSOR]
    most = _address_space() + limits.memory_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    return [MEMORY, PROCESSOR]


def allow_processor_time(seconds: int) -> None:
    """Let this process compute for `seconds` more (up to one second longer, as the system counts in whole ones)."""
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        until = math.ceil(time.process_time()) + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (until if hard == resource.RLIM_INFINITY else min(until, hard), hard))


def _address_space() -> int:
    """Bytes of address space in use."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):  # /proc may be hidden
        return _UNKNOWN_START
    return pages * resource.getpagesize()
