"""Long work made visible: place in the queue, what runs, how far it is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard import services
from dashboard.language import tr

PAUSE = 0.2
"""Seconds between two updates of a bar: a browser that gets a thousand a second falls behind."""


@contextmanager
def working(label: str, *, quick: bool = False) -> Iterator[None]:
    """Show `label` while a slot of the work queue is held, and the place in the line before that.

    `quick` work, of less than a second, has a line of its own: it does not wait behind attacks.
    """
    place = st.empty()

    def on_wait(ahead: int) -> None:
        place.info(waiting_words(ahead), icon=":material/hourglass_top:")

    with services.turn(on_wait, quick=quick):
        place.empty()
        with place, st.spinner(label):
            yield
    place.empty()


def waiting_words(ahead: int) -> str:
    """ "2 ahead of you": the place in the line."""
    return tr("This server is busy: {ahead} ahead of you.", ahead=ahead)


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
