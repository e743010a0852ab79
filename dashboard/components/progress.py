"""Long work made visible: place in the queue, what runs, how far it is."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st

from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.work import QueuePlace

T = TypeVar("T")

OnShare = Callable[[str, float], None]
"""Hears (what is running, share of it all that is done)."""

PAUSE = 0.2
"""Seconds between two updates of a bar: a browser that gets a thousand a second falls behind."""

MINUTE = 60
SHORTEST = 5
"""Seconds that an expected wait is rounded up to: it is an estimate."""


@contextmanager
def working(label: str, *, quick: bool = False) -> Iterator[None]:
    """Show `label` while a slot of the work queue is held, and the place in the line before that.

    `quick` work, of less than a second, has a line of its own: it does not wait behind attacks.
    """
    place = st.empty()

    def on_wait(where: QueuePlace) -> None:
        place.info(waiting_words(where), icon=":material/hourglass_top:")

    with services.turn(on_wait, quick=quick):
        place.empty()
        with place, st.spinner(label):
            yield
    place.empty()


def cancellable(
    key: str, work: Callable[[OnShare], T], *, on_cancel: Callable[[], None] | None = None, quick: bool = False
) -> T:
    """Do the work in its turn with a bar and a cancel button of that key, both gone at its end.

    Pressing Cancel calls `on_cancel` and runs the page anew, and so ends this run at its next piece of news. Not for
    a fragment: a press inside one would wait for the work to end.
    """
    box = st.empty()
    with box.container(border=True):
        bar = st.progress(0.0, text=tr("batch.starting", "Starting…"))
        st.button(tr("batch.cancel", "Cancel"), key=key, icon=":material/stop_circle:", on_click=on_cancel)

    @paced
    def on_progress(what: str, step: int, total: int) -> None:
        bar.progress(min(1.0, step / total), text=what)

    def on_wait(where: QueuePlace) -> None:
        bar.progress(0.0, text=waiting_words(where))

    try:
        with services.turn(on_wait, quick=quick):
            return work(lambda what, share: on_progress(what, round(1000 * share), 1000))
    finally:
        box.empty()


def waiting_words(place: QueuePlace) -> str:
    """ "2 ahead of you, about 10 seconds": the place in the line and the expected wait, where it is known."""
    if place.seconds is None:
        return tr("diagnose.server-busy", "This server is busy: {ahead} ahead of you.", ahead=place.ahead)
    if place.seconds < MINUTE:
        seconds = max(SHORTEST, SHORTEST * math.ceil(place.seconds / SHORTEST))
        return tr(
            "diagnose.server-busy-ahead",
            "This server is busy: {ahead} ahead of you, about {seconds} seconds.",
            ahead=place.ahead,
            seconds=seconds,
        )
    minutes = math.ceil(place.seconds / MINUTE)
    return tr(
        "diagnose.server-busy-ahead-ahead",
        "This server is busy: {ahead} ahead of you, about {minutes} min.",
        ahead=place.ahead,
        minutes=minutes,
    )


def paced(show: services.OnProgress, *, pause: float = PAUSE) -> services.OnProgress:
    """`show` at most once in `pause` seconds, and for the last step of each run; the rest of the news is dropped."""
    due = 0.0

    def heard(what: str, step: int, total: int) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due or step == total:
            due = now + pause
            show(what, step, total)

    return heard
