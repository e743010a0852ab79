"""Slow sections of the laboratory: each runs on its own button, can be cancelled, and keeps what it found."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from dashboard.components.progress import OnShare, cancellable
from dashboard.language import tr
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import LabResult
from dashboard.session.state import LAB_FOUND

T = TypeVar("T")


def settings_key(result: LabResult, *more: object) -> str:
    """Names a result and the settings of a section, so that what was found is shown with nothing else."""
    models = [outcome.clean.model.id for outcome in result.outcomes]
    return repr((result.fingerprint, result.task, result.spec, result.source, models, more))


def kept(name: str, key: str) -> object | None:
    """What section `name` found for the settings named by `key`, or None."""
    found = st.session_state.get(LAB_FOUND + name)
    return found[1] if found is not None and found[0] == key else None


def computed(name: str, key: str, work: Callable[[OnShare], T]) -> T | None:
    """Do the work as `cancellable` does, and keep the answer; None where it failed, in words."""
    try:
        found = cancellable(f"lab_cancel_{name}", work)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return None
    st.session_state[LAB_FOUND + name] = (key, found)
    return found
