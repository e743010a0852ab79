"""The work queue: order, bound, place in the line, and nothing held after an error."""

import threading
import time

import pytest

from dashboard.services.queue import QUEUE, QUICK, turn
from dashboard.services.work import BusyError, Holdings, WorkQueue


class Leave(Exception):
    """What Streamlit does to a script that is to stop."""


def never(ahead: int) -> None:
    raise AssertionError(f"had to wait behind {ahead}")


def until(condition, seconds: float = 5.0) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_a_free_slot_is_taken_at_once_and_given_back() -> None:
    queue = WorkQueue(slots=1)
    with queue.turn(never):
        assert queue.load == (1, 0)
    assert queue.load == (0, 0)


def test_an_error_inside_gives_the_slot_back() -> None:
    queue = WorkQueue(slots=1)
    with pytest.raises(Leave), queue.turn(never):
        raise Leave
    assert queue.load == (0, 0)


def test_who_waits_hears_the_place_and_may_leave() -> None:
    queue = WorkQueue(slots=1)

    def leave(ahead: int) -> None:
        assert ahead == 1
        raise Leave

    with queue.turn(never):
        with pytest.raises(Leave), queue.turn(leave):
            pytest.fail("the slot is taken")
        assert queue.load == (1, 0)


def test_first_come_first_served() -> None:
    queue = WorkQueue(slots=1)
    order: list[int] = []

    def work(number: int) -> None:
        with queue.turn(lambda ahead: None):
            order.append(number)

    with queue.turn(never):
        threads = []
        for number in range(3):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            until(lambda number=number: queue.load == (1, number + 1))
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2]
    assert queue.load == (0, 0)


def test_a_full_line_refuses_with_a_sentence() -> None:
    queue = WorkQueue(slots=1, waiting=0)
    with queue.turn(never), pytest.raises(BusyError, match="try again"), queue.turn(never):
        pytest.fail("the line is full")


# ---- memory ------------------------------------------------------------------------------------------------------


class Scan:
    """Stands for what a session holds."""


def test_memory_is_counted_as_long_as_its_holder_lives() -> None:
    held, scan = Holdings(most=100), Scan()
    held.admit(scan, 60)
    with pytest.raises(BusyError, match="try again"):
        held.admit(Scan(), 60)
    assert held.bytes == 60
    del scan
    assert held.bytes == 0
    another = Scan()
    held.admit(another, 60)
    assert held.bytes == 60


def test_quick_work_does_not_wait_behind_long_work() -> None:
    with QUEUE.turn(lambda ahead: None), turn(never, quick=True):
        assert QUICK.load == (1, 0)
    assert QUICK.load == (0, 0)
