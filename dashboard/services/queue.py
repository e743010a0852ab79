"""The server's one queue for heavy work, and how many threads each request may use."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dashboard.services.work import Holdings, WorkQueue
from meddef_core.io.arrays import use_threads
from meddef_core.settings import settings

SETTINGS = settings()
"""As they stood when the server started: its queues keep their size."""

THREADS = SETTINGS.threads
"""Torch threads a request may use. For one picture on two cores one is fastest (PGD-10 in 1.2 s instead of 16.6 s)."""

QUEUE = WorkQueue(slots=SETTINGS.work_slots)
"""Requests computed at once; the others wait and are told their place."""

QUICK = WorkQueue(slots=1)
"""Work of less than a second, such as one reading with its maps: it must not wait behind attacks of minutes."""

HELD = Holdings(most=SETTINGS.held_mb * 1024**2)
"""Uploaded scans of all sessions together: decoded ones, and files that are still to be read."""


@contextmanager
def turn(on_wait: Callable[[int], None], *, quick: bool = False) -> Iterator[None]:
    """Wait for a slot of the work queue, then compute on `THREADS` threads; `quick` work has a line of its own."""
    with (QUICK if quick else QUEUE).turn(on_wait):
        use_threads(THREADS)
        yield
