"""What sessions share: a bounded queue for heavy work, and a bound on what all of them hold in memory.

On few cores, two attacks at once are slower than one after the other.
"""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from meddef_core.errors import MedDefError

POLL_SECONDS = 0.25
"""How often a waiting request reports its place; also how soon it notices that it was cancelled."""


class BusyError(MedDefError):
    """The queue, or the memory for scans, is full."""


class WorkQueue:
    """First come, first served; `slots` requests run at once and at most `waiting` more may queue."""

    def __init__(self, slots: int, *, waiting: int = 20) -> None:
        self._slots = slots
        self._waiting = waiting
        self._running = 0
        self._line: list[object] = []
        self._changed = threading.Condition()

    @property
    def load(self) -> tuple[int, int]:
        """Requests running and requests waiting."""
        with self._changed:
            return self._running, len(self._line)

    @contextmanager
    def turn(self, on_wait: Callable[[int], None]) -> Iterator[None]:
        """Hold one slot. While waiting, `on_wait(ahead)` hears how many come first; it may raise to leave the line.

        Raises BusyError when the line is full.
        """
        ticket = object()
        with self._changed:
            if len(self._line) + self._running >= self._slots + self._waiting:
                raise BusyError("Too many people are using this server at the moment; please try again in a minute.")
            self._line.append(ticket)
        try:
            self._wait(ticket, on_wait)
        except BaseException:
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()
            raise
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _wait(self, ticket: object, on_wait: Callable[[int], None]) -> None:
        while True:
            with self._changed:
                if self._line[0] is ticket and self._running < self._slots:
                    self._line.pop(0)
                    self._running += 1
                    self._changed.notify_all()
                    return
                ahead = self._line.index(ticket) + self._running
                self._changed.wait(POLL_SECONDS)
            on_wait(ahead)


class Holdings:
    """How many bytes all sessions hold of what came up the wire; at most `most`.

    Nothing is given back by hand: what is counted goes with the object that it was counted for, however a session ends.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._sizes: weakref.WeakKeyDictionary[object, int] = weakref.WeakKeyDictionary()
        self._changing = threading.Lock()

    @property
    def bytes(self) -> int:
        """Bytes held now."""
        return sum(list(self._sizes.values()))

    def admit(self, holder: object, size: int) -> None:
        """Count `size` bytes for as long as `holder` lives; raises BusyError where they are too many."""
        with self._changing:
            if self.bytes + size > self._most:
                raise BusyError("This server holds as many scans as it has memory for; please try again in a minute.")
            self._sizes[holder] = size
