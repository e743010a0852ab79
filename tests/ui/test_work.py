"""The work queue: order, fairness, place in the line, and nothing held after an error; memory held by sessions."""

import threading
import time

import pytest
from refusals import refused_as

from dashboard.components.progress import waiting_words
from dashboard.services.queue import QUEUE, QUICK, turn
from dashboard.services.work import BusyError, Holdings, QueuePlace, QuotaError, WorkQueue


class Leave(Exception):
    """What Streamlit does to a script that is to stop."""


def never(place: QueuePlace) -> None:
    raise AssertionError(f"had to wait behind {place.ahead}")


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

    def leave(place: QueuePlace) -> None:
        assert place == QueuePlace(ahead=1, seconds=None)
        raise Leave

    with queue.turn(never):
        with pytest.raises(Leave), queue.turn(leave):
            pytest.fail("the slot is taken")
        assert queue.load == (1, 0)


def test_first_come_first_served() -> None:
    queue = WorkQueue(slots=1)
    order: list[int] = []

    def work(number: int) -> None:
        with queue.turn(lambda place: None):
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


def test_a_session_does_not_take_a_second_slot_while_others_wait() -> None:
    queue = WorkQueue(slots=2)
    served: list[str] = []
    free = threading.Event()

    def work(owner: str) -> None:
        with queue.turn(lambda place: None, owner=owner):
            served.append(owner)
            free.wait(5)

    threads = []
    for number, owner in enumerate(("a", "b", "a", "c")):
        threads.append(threading.Thread(target=work, args=(owner,)))
        threads[-1].start()
        until(lambda number=number: sum(queue.load) == number + 1)
    until(lambda: served == ["a", "b"])
    free.set()
    for thread in threads:
        thread.join()
    assert served[2:] in (["c", "a"], ["a", "c"]) and queue.load == (0, 0)


def test_the_second_request_of_a_running_session_comes_after_all_others() -> None:
    queue = WorkQueue(slots=1)
    served: list[str] = []

    def work(owner: str, name: str) -> None:
        with queue.turn(lambda place: None, owner=owner):
            served.append(name)

    threads = []
    with queue.turn(never, owner="a"):
        second = threading.Thread(target=work, args=("a", "a again"))
        threads.append(second)
        second.start()
        until(lambda: queue.load == (1, 1))
        heard: list[int] = []

        def leave(place: QueuePlace) -> None:
            heard.append(place.ahead)
            raise Leave

        with pytest.raises(Leave), queue.turn(leave, owner="b"):
            pytest.fail("the slot is taken")
        assert heard == [1]  # before the second request of the session that runs
    second.join()
    assert served == ["a again"]


def test_thirty_wait_and_all_are_served() -> None:
    queue = WorkQueue(slots=2)
    served: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with queue.turn(lambda place: None, owner=number):
            most.append(queue.load[0])
            time.sleep(0.01)
            served.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(served) == list(range(30)) and max(most) <= 2


def test_the_expected_wait_follows_what_ended_and_how_many_are_ahead() -> None:
    queue = WorkQueue(slots=2)
    with queue.turn(never):
        time.sleep(0.2)
    heard: list[QueuePlace] = []

    def leave(place: QueuePlace) -> None:
        heard.append(place)
        raise Leave

    with queue.turn(never), queue.turn(never), pytest.raises(Leave), queue.turn(leave):
        pytest.fail("both slots are taken")
    assert heard[0].ahead == 2 and heard[0].seconds == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "3 ahead of you."), (0.4, "about 5 seconds"), (31.0, "about 35 seconds"), (61.0, "about 2 min")],
)
def test_the_wait_is_told_in_words(seconds: float | None, words: str) -> None:
    assert words in waiting_words(QueuePlace(ahead=3, seconds=seconds))


# ---- memory ------------------------------------------------------------------------------------------------------


class Scan:
    """Stands for what a session holds."""


def test_memory_is_counted_as_long_as_its_holder_lives() -> None:
    held, scan = Holdings(most=100), Scan()
    held.admit(scan, 60)
    with refused_as(BusyError, "work.server-holds"):
        held.admit(Scan(), 60)
    assert held.bytes == 60
    del scan
    assert held.bytes == 0
    another = Scan()
    held.admit(another, 60)
    assert held.bytes == 60


def test_one_session_is_bounded_before_all_are() -> None:
    held, kept = Holdings(most=100, each=40), [Scan(), Scan(), Scan()]
    held.admit(kept[0], 30, owner="a")
    with refused_as(QuotaError, "work.one-session"):
        held.admit(Scan(), 20, owner="a")
    held.admit(kept[1], 40, owner="b")
    with refused_as(BusyError, "work.server-holds"):
        held.admit(Scan(), 40, owner="c")
    assert (held.bytes, held.bytes_of("a"), held.bytes_of("c")) == (70, 30, 0)
    del kept[0]
    held.admit(kept[1], 10, owner="a")
    assert held.bytes_of("a") == 10


def test_quick_work_does_not_wait_behind_long_work() -> None:
    with QUEUE.turn(lambda place: None), turn(never, quick=True):
        assert QUICK.load == (1, 0)
    assert QUICK.load == (0, 0)
