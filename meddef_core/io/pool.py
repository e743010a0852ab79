"""A few workers for all threads of a process: first come, first served, and a long call keeps nobody waiting.

Workers are started when they are first needed, stay, and are replaced after a number of calls or when they were ended.
They are started as programs of their own (never forked), so that the state of other threads does not matter; a forked
child of this process starts its own.
"""

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from meddef_core.io.confinement import WorkerLimits
from meddef_core.io.worker import POLL_SECONDS, CancelledError, Reply, Worker, WorkerError
from meddef_core.text import Text

LONG_SECONDS = 1.0
"""A call that runs longer gives its place to the next in line, as long as few do."""


class Pool:
    """Up to `size` calls at once, and up to `size` long ones beside them; the others wait in line."""

    def __init__(self, handler: str, *, size: int = 2, limits: WorkerLimits | None = None) -> None:
        """`handler` names the module that workers call (see `worker_main`)."""
        self._handler = handler
        self._size = size
        self._limits = limits or WorkerLimits()
        self._reset()
        _POOLS.add(self)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._line: list[_Place] = []
        self._short = self._long = self._warm = 0
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._aside: set[Worker] = set()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process numbers of the workers that there are."""
        with self._changed:
            return tuple(worker.pid for worker in (*self._idle, *self._busy))

    def warm(self, count: int = 1) -> None:
        """Have `count` workers from now on, at most `size`, beside those that are busy for long.

        They load their libraries in the background. Where none can be started, the next call says so.
        """
        with self._changed:
            self._warm = max(self._warm, min(count, self._size))
            self._top_up()

    def call(
        self,
        header: Mapping[str, Any],
        body: bytes = b"",
        *,
        most: int,
        cancelled: Callable[[], bool] | None = None,
    ) -> Reply:
        """What a worker answers; its body has at most `most` bytes.

        `cancelled` is asked some times a second, in this thread, also in the line; it may raise to leave. Raises
        CancelledError, OverLimitError when the worker had to be ended or died, or WorkerError.
        """
        left = cancelled or _never
        with self._place(left) as place:
            worker = self._taken()
            try:
                reply = worker.ask(
                    header,
                    body,
                    most=most,
                    cancelled=left,
                    on_wait=lambda seconds: self._step_aside(place, worker, seconds),
                )
            except BaseException:
                self._replace(worker)
                raise
            self._give_back(worker)
            return reply

    def close(self) -> None:
        """End all workers; the next call starts new ones. Calls that are running raise OverLimitError."""
        with self._changed:
            ended = [*self._idle, *self._busy]
            self._idle, self._warm = [], 0
        for worker in ended:
            worker.end()

    # ---- the line ------------------------------------------------------------------------------------------------

    @contextmanager
    def _place(self, cancelled: Callable[[], bool]) -> Iterator["_Place"]:
        place = _Place()
        with self._changed:
            self._line.append(place)
        try:
            while not self._admitted(place):
                if cancelled():
                    raise CancelledError(
                        Text("io.file-not", "The file was not read, as nobody waits for it; choose it again.")
                    )
            yield place
        finally:
            with self._changed:
                if place in self._line:
                    self._line.remove(place)
                elif place.long:
                    self._long -= 1
                else:
                    self._short -= 1
                self._changed.notify_all()

    def _admitted(self, place: "_Place") -> bool:
        with self._changed:
            if self._line[0] is not place or self._short >= self._size:
                self._changed.wait(POLL_SECONDS)
            if self._line[0] is not place or self._short >= self._size:
                return False
            self._line.pop(0)
            self._short += 1
            self._changed.notify_all()
            return True

    def _step_aside(self, place: "_Place", worker: Worker, seconds: float) -> None:
        with self._changed:
            if seconds > LONG_SECONDS and not place.long and self._long < self._size:
                place.long = True
                self._aside.add(worker)
                self._short, self._long = self._short - 1, self._long + 1
                self._changed.notify_all()
                self._top_up()

    # ---- the workers ---------------------------------------------------------------------------------------------

    def _taken(self) -> Worker:
        with self._changed:
            while self._idle:
                worker = self._idle.pop(0)
                if worker.usable:
                    break
                worker.end()
            else:
                worker = Worker(self._handler, self._limits)
            self._warm = max(self._warm, 1)
            self._busy.add(worker)
            return worker

    def _give_back(self, worker: Worker) -> None:
        if not worker.usable:
            self._replace(worker)
            return
        with self._changed:
            self._let_go(worker)
            # In front of those that are still loading.
            self._idle.insert(0, worker)
            surplus = self._idle[self._size :]
            del self._idle[self._size :]
        for each in surplus:
            each.end()

    def _replace(self, worker: Worker) -> None:
        """End a worker and have another ready for the next call."""
        worker.end()
        with self._changed:
            self._let_go(worker)
            self._top_up()

    def _let_go(self, worker: Worker) -> None:
        self._busy.discard(worker)
        self._aside.discard(worker)

    def _top_up(self) -> None:
        """Start workers in place of those that were ended or are busy for long; where none can be, a call says so."""
        for worker in [worker for worker in self._idle if not worker.usable]:
            self._idle.remove(worker)
            worker.end()
        while len(self._idle) + len(self._busy - self._aside) < self._warm:
            try:
                self._idle.append(Worker(self._handler, self._limits))
            except WorkerError:
                return


class _Place:
    """A place in the line, then one among the calls that run."""

    def __init__(self) -> None:
        self.long = False


def _never() -> bool:
    return False


_POOLS: "weakref.WeakSet[Pool]" = weakref.WeakSet()


def _close_all() -> None:
    for pool in list(_POOLS):
        pool.close()


def _forget_all() -> None:
    """In a forked child: the workers are the parent's."""
    for pool in list(_POOLS):
        pool._reset()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
