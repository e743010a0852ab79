"""The server's one queue for heavy work, and how many threads each request may use."""

from collections.abc import Iterator
from contextlib import contextmanager

from dashboard.services.visitor import session_id
from dashboard.services.work import Holdings, OnWait, WorkQueue
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

HELD = Holdings(most=SETTINGS.held_mb * 1024**2, each=SETTINGS.session_mb * 1024**2)
"""Uploaded scans, of each session and of all together: decoded ones, and files that are still to be read."""

HELD_WAITING = Holdings(most=SETTINGS.held_mb * 1024**2 // 4)
"""Files of all sessions that wait for room among the uploaded scans."""


@contextmanager
def turn(on_wait: OnWait, *, quick: bool = False) -> Iterator[None]:
    """Wait for a slot of the work queue, then compute on `THREADS` threads; `quick` work has a line of its own."""
    with (QUICK if quick else QUEUE).turn(on_wait, owner=session_id()):
        use_threads(THREADS)
        yield
