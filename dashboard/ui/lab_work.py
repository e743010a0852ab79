"""Slow sections of the laboratory: each runs on its own button, can be cancelled, and keeps what it found."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from dashboard import services
from dashboard.language import tr
from dashboard.results import LabResult
from dashboard.state import LAB_FOUND
from dashboard.ui.progress import paced, waiting_words
from meddef_core.errors import MedDefError

T = TypeVar("T")

OnShare = Callable[[str, float], None]
"""Hears (what is running, share of it all that is done)."""


def settings_key(result: LabResult, *more: object) -> str:
    """Names a result and the settings of a section, so that what was found is shown with nothing else."""
    models = [outcome.clean.model.id for outcome in result.outcomes]
    return repr((result.fingerprint, result.task, result.spec, result.source, models, more))


def kept(name: str, key: str) -> object | None:
    """What section `name` found for the settings named by `key`, or None."""
    found = st.session_state.get(LAB_FOUND + name)
    return found[1] if found is not None and found[0] == key else None


def computed(name: str, key: str, work: Callable[[OnShare], T]) -> T | None:
    """Do the work in its turn with a bar and a cancel button, and keep the answer; None where it failed, in words.

    Pressing Cancel runs the section anew, and so ends this run at its next piece of news.
    """
    box = st.empty()
    with box.container(border=True):
        bar = st.progress(0.0, text=tr("Starting…"))
        st.button(tr("Cancel"), key=f"lab_cancel_{name}", icon=":material/stop_circle:")

    @paced
    def on_progress(what: str, step: int, total: int) -> None:
        bar.progress(min(1.0, step / total), text=what)

    def on_wait(ahead: int) -> None:
        bar.progress(0.0, text=waiting_words(ahead))

    try:
        with services.turn(on_wait):
            found = work(lambda what, share: on_progress(what, round(1000 * share), 1000))
    except MedDefError as error:
        st.error(str(error), icon=":material/error:")
        return None
    finally:
        box.empty()
    st.session_state[LAB_FOUND + name] = (key, found)
    return found
