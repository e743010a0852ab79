"""Page "Diagnose": a scan goes in, a model's output, what it is worth and the maps behind it come out."""

import streamlit as st

from dashboard.components.certificate_card import certificate_card
from dashboard.components.export_buttons import export_buttons
from dashboard.components.heatmap_panel import map_controls, map_gallery
from dashboard.components.model_picker import model_picker
from dashboard.components.probability_bars import output_card
from dashboard.components.progress import working
from dashboard.components.scan_facts import model_view_card, origin_line, scan_warnings
from dashboard.language import tr
from dashboard.services import certificates
from dashboard.services import reading as worth
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import ModelChoice, Reading
from dashboard.session import history, state
from dashboard.session.state import Chosen
from dashboard.views.diagnose.abstention import refusal, remark
from dashboard.views.diagnose.scan import original_card, reading_controls
from dashboard.views.diagnose.scan_picker import scan_picker
from dashboard.views.diagnose.trust import calibration_card, operating_card
from dashboard.views.diagnose.volume_card import volume_card


def page() -> None:
    """Pick, read, say what it is worth, explain."""
    st.title(tr("Diagnose"), anchor=False)
    with st.container(border=True):
        st.header(tr("1 · Scan"), anchor=False)
        scan_picker()
    chosen = state.chosen()
    if chosen is None:
        st.info(tr("No scan is chosen. Choose a sample above or upload your own."), icon=":material/touch_app:")
        return
    with st.container(border=True):
        st.header(tr("2 · Model output"), anchor=False)
        origin_line(chosen)
        scan_warnings(chosen)
        reading_controls(chosen)
        model = model_picker(chosen.task, key="diagnose_model")
        if model is not None:
            volume_card(model, task=services.tasks()[chosen.task])
        reading = _reading(chosen, model)
    if reading is None:
        return
    if reading.abstained is not None:
        history.remember(chosen, reading)
        return
    export_buttons(reading, chosen, key="reading")
    with st.container(border=True):
        st.header(tr("3 · What this output is worth"), anchor=False)
        operating, calibration = st.columns(2, gap="large")
        with operating:
            operating_card(reading, task=services.tasks()[chosen.task])
        with calibration:
            calibration_card(reading)
    with st.container(border=True):
        st.header(tr("4 · What moved this output"), anchor=False)
        _maps(chosen, reading)
    certified = certificates.certified_model(chosen.task)
    if certified is not None:
        with st.container(border=True):
            st.header(tr("5 · What provably cannot change it"), anchor=False)
            certificate_card(chosen, certified, task=services.tasks()[chosen.task], key="diagnose")


def _reading(chosen: Chosen, model: ModelChoice | None) -> Reading | None:
    if model is None:
        return None
    better = None
    try:
        with working(tr("{model} is reading the scan…", model=tr(model.title)), quick=True):
            reading = services.read(model, chosen.fingerprint, chosen.scan)
            if reading.abstained is not None:
                better = worth.fits_better(chosen.task, chosen.fingerprint, chosen.scan)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return None
    task = services.tasks()[chosen.task]
    output, original, seen = st.columns([5, 4, 3], gap="large")
    with output:
        if reading.abstained is not None:
            refusal(reading, task=task, better=better)
        else:
            remark(reading)
            output_card(reading, task=task, truth=chosen.truth)
    with original:
        original_card(chosen)
    with seen:
        model_view_card(reading.picture, chosen)
    return reading


@st.fragment
def _maps(chosen: Chosen, reading: Reading) -> None:
    style = map_controls("diagnose")
    try:
        with working(tr("Drawing the maps…"), quick=True):
            (views,) = services.maps(reading.model, chosen.fingerprint, reading.label, (reading.picture,))
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return
    map_gallery(views, reading.picture, style=style)


page()
