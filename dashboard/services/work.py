"""What sessions share: a fair queue for heavy work, and a bound on what each and all of them hold in memory.

On few cores, two attacks at once are slower than one after the other.
"""

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from meddef_core.errors import MedDefError
from meddef_core.text import Text

POLL_SECONDS = 0.25
"""How often a waiting request reports its place; also how soon it notices that it was cancelled."""

NEWEST = 0.3
"""Weight of the last request in the mean duration: a class that changes its attack is told right after a few."""


class BusyError(MedDefError):
    """The memory for scans is full; it is worth trying again."""


class QuotaError(MedDefError):
    """One session holds as much as one may; only its own reader can change that."""


@dataclass(frozen=True, kw_only=True)
class QueuePlace:
    """Where a waiting request stands."""

    ahead: int
    """Requests that come first, those that run among them."""
    seconds: float | None
    """Expected wait; None until a request has ended."""


OnWait = Callable[[QueuePlace], None]
"""Hears the place in the line; may raise to leave it."""


@dataclass(eq=False)
class _Ticket:
    owner: object


class WorkQueue:
    """`slots` requests run at once. First come, first served, but nobody takes two slots while others wait.

    Nobody is refused: a line of a hundred costs a hundred sleeping threads, which their sessions have anyway.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._running: list[_Ticket] = []
        self._line: list[_Ticket] = []
        self._mean: float | None = None
        self._changed = threading.Condition()

    @property
    def load(self) -> tuple[int, int]:
        """Requests running and requests waiting."""
        with self._changed:
            return len(self._running), len(self._line)

    @contextmanager
    def turn(self, on_wait: OnWait, *, owner: object = None) -> Iterator[None]:
        """Hold one slot. While waiting, `on_wait` hears the place; `owner` is the session, None for one of its own."""
        ticket = _Ticket(owner if owner is not None else object())
        with self._changed:
            self._line.append(ticket)
        try:
            self._wait(ticket, on_wait)
        except BaseException:
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()
            raise
        began = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                self._running.remove(ticket)
                self._learn(time.monotonic() - began)
                self._changed.notify_all()

    def _wait(self, ticket: _Ticket, on_wait: OnWait) -> None:
        while True:
            with self._changed:
                order = self._order()
                if order[0] is ticket and len(self._running) < self._slots:
                    self._line.remove(ticket)
                    self._running.append(ticket)
                    self._changed.notify_all()
                    return
                ahead = order.index(ticket) + len(self._running)
                seconds = None if self._mean is None else self._mean * ahead / self._slots
                self._changed.wait(POLL_SECONDS)
            on_wait(QueuePlace(ahead=ahead, seconds=seconds))

    def _order(self) -> list[_Ticket]:
        """The line as it will be served: a session that runs something already comes after all who run nothing."""
        running = {id(ticket.owner) for ticket in self._running}
        return sorted(self._line, key=lambda ticket: id(ticket.owner) in running)

    def _learn(self, seconds: float) -> None:
        self._mean = seconds if self._mean is None else (1 - NEWEST) * self._mean + NEWEST * seconds


class Holdings:
    """How many bytes sessions hold of what came up the wire: at most `most` all together, and `each` one of them.

    Nothing is given back by hand: what is counted goes with the object that it was counted for, however a session ends.
    """

    def __init__(self, most: int, *, each: int | None = None) -> None:
        self._most = most
        self._each = most if each is None else each
        self._sizes: weakref.WeakKeyDictionary[object, tuple[int, object]] = weakref.WeakKeyDictionary()
        self._changing = threading.Lock()

    @property
    def bytes(self) -> int:
        """Bytes held now."""
        return sum(size for size, _ in list(self._sizes.values()))

    def bytes_of(self, owner: object) -> int:
        """Bytes that one session holds now."""
        return sum(size for size, whose in list(self._sizes.values()) if whose == owner)

    def admit(self, holder: object, size: int, *, owner: object = None) -> None:
        """Count `size` bytes for as long as `holder` lives, for the session `owner`.

        Raises QuotaError where that session holds too many, and BusyError where all of them together do.
        """
        with self._changing:
            if owner is not None and self.bytes_of(owner) + size > self._each:
                raise QuotaError(
                    Text(
                        "work.one-session",
                        "One session may hold scans of {mb} MB together; press Clear everything, then choose "
                        "the scan again.",
                        mb=self._each // 1024**2,
                    )
                )
            if self.bytes + size > self._most:
                raise BusyError(
                    Text(
                        "work.server-holds",
                        "This server holds as many scans as it has memory for; please try again in a minute.",
                    )
                )
            self._sizes[holder] = (size, owner)
