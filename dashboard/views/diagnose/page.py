"""Page "Diagnose": a scan and what a model says of it on one screen; everything else opens below."""

import streamlit as st

from dashboard.components.model_picker import model_picker
from dashboard.components.progress import working
from dashboard.components.scan_facts import origin_line, scan_warnings
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.other_task import better_task
from dashboard.services.results.common import ModelChoice, Reading
from dashboard.session import history, state
from dashboard.session.state import Chosen
from dashboard.views.diagnose.choices import choices
from dashboard.views.diagnose.image import scan_image
from dashboard.views.diagnose.result import result_card
from dashboard.views.diagnose.scan_picker import sample_card, task_picker
from dashboard.views.diagnose.sections import sections


def page() -> None:
    """Image left, result right; below them one section at a time."""
    chosen = state.chosen()
    if chosen is None:
        _head()
        choices()
        st.info(
            tr("diagnose.no-scan", "No scan is chosen. Choose a sample below or upload your own."),
            icon=":material/touch_app:",
        )
        sample_card()
        return
    image, result = st.columns([4, 3], gap="medium")
    with result, st.container(gap="small"):
        choices()
        model = model_picker(chosen.task, key="diagnose_model", summary=False)
        reading = _read(chosen, model)
    with image:
        _head()
        origin_line(chosen)
        scan_image(chosen, model, reading)
        scan_warnings(chosen)
    if reading is not None:
        history.remember(chosen, reading)
    sections(chosen, model, reading)


def _head() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(tr("diagnose.diagnose", "Diagnose"), anchor=False, width="content")
        task_picker()


def _read(chosen: Chosen, model: ModelChoice | None) -> Reading | None:
    """The prediction, shown; None where there is none to show, which is said."""
    if model is None:
        return None
    better = None
    try:
        with working(tr("diagnose.model-reading", "{model} is reading the scan…", model=tr(model.title)), quick=True):
            reading = services.read(model, chosen.fingerprint, chosen.scan)
            if reading.abstained is not None:
                better = better_task(chosen.task, chosen.fingerprint, chosen.scan)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return None
    result_card(reading, chosen, better=better)
    return reading


page()
