"""Page "Diagnose": a scan goes in, a model's output and the maps behind it come out."""

import streamlit as st

from dashboard import services, state
from dashboard.results import ModelChoice, Reading
from dashboard.state import Chosen
from dashboard.ui.heatmap_panel import map_controls, map_gallery
from dashboard.ui.model_picker import model_picker
from dashboard.ui.probability_bars import output_card
from dashboard.ui.progress import working
from dashboard.ui.scan_facts import model_view_card, origin_line, original_card, scan_warnings
from dashboard.ui.scan_picker import scan_picker
from meddef_core.errors import MedDefError


def page() -> None:
    """Pick, read, explain."""
    st.title("Diagnose", anchor=False)
    with st.container(border=True):
        st.header("1 · Scan", anchor=False)
        scan_picker()
    chosen = state.chosen()
    if chosen is None:
        st.info("No scan is chosen. Choose a sample above or upload your own.", icon=":material/touch_app:")
        return
    with st.container(border=True):
        st.header("2 · Model output", anchor=False)
        origin_line(chosen)
        scan_warnings(chosen)
        reading = _reading(chosen, model_picker(chosen.task, key="diagnose_model"))
    if reading is None:
        return
    with st.container(border=True):
        st.header("3 · What moved this output", anchor=False)
        _maps(chosen, reading)


def _reading(chosen: Chosen, model: ModelChoice | None) -> Reading | None:
    if model is None:
        return None
    try:
        with working(f"{model.title} is reading the scan…"):
            reading = services.read(model, chosen.fingerprint, chosen.scan)
    except MedDefError as error:
        st.error(str(error), icon=":material/error:")
        return None
    output, original, seen = st.columns([5, 4, 3], gap="large")
    with output:
        output_card(reading, task=services.tasks()[chosen.task], truth=chosen.truth)
    with original:
        original_card(chosen)
    with seen:
        model_view_card(reading.picture)
    return reading


@st.fragment
def _maps(chosen: Chosen, reading: Reading) -> None:
    style = map_controls("diagnose")
    try:
        with working("Drawing the maps…"):
            (views,) = services.maps(reading.model, chosen.fingerprint, reading.label, (reading.picture,))
    except MedDefError as error:
        st.error(str(error), icon=":material/error:")
        return
    map_gallery(views, reading.picture, style=style)


page()
