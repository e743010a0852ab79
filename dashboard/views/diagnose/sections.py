"""Everything about a prediction that is not on the first screen: one section at a time, computed when it is opened."""

from collections.abc import Callable

import streamlit as st

from dashboard.components.certificate_card import certificate_card
from dashboard.components.export_buttons import export_buttons
from dashboard.components.heatmap_panel import map_controls, map_gallery
from dashboard.components.progress import working
from dashboard.components.scan_facts import model_view_card
from dashboard.components.words import percent
from dashboard.language import tr
from dashboard.services import certificates
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import ModelChoice, Reading
from dashboard.services.words import Text
from dashboard.session import volumes
from dashboard.session.state import Chosen
from dashboard.views.diagnose.scan import reading_controls
from dashboard.views.diagnose.scan_picker import sample_card
from dashboard.views.diagnose.trust import calibration_card, operating_card
from dashboard.views.diagnose.volume_card import volume_card

KEY, OPENED = "diagnose_section", "diagnose_section_of"

TITLES = {
    "samples": Text("diagnose.samples-pacs", "Samples and PACS"),
    "volume": Text("volume.volume", "Volume"),
    "test": Text("diagnose.yes-no", "Yes/no test"),
    "calibration": Text("diagnose.calibration", "Calibration"),
    "maps": Text("diagnose.all-maps", "All maps"),
    "certificate": Text("diagnose.certificate", "Certificate"),
    "details": Text("diagnose.window-details", "Window and details"),
    "export": Text("out.export", "Export"),
}


def sections(chosen: Chosen, model: ModelChoice | None, reading: Reading | None) -> None:
    """A bar of sections and the one that is open."""
    offered = _offered(chosen, model, reading)
    picked = _picked(list(offered))
    offered[picked]()


def _offered(chosen: Chosen, model: ModelChoice | None, reading: Reading | None) -> dict[str, Callable[[], None]]:
    """What can be opened: no figure and no file of a prediction that there is not."""
    task = services.tasks()[chosen.task]
    found: dict[str, Callable[[], None]] = {"samples": sample_card}
    if model is not None and (volumes.opened() is not None or volumes.can_reopen()):
        found["volume"] = lambda: volume_card(model, task=task)
    if reading is not None and reading.abstained is None:
        found["test"] = lambda: operating_card(reading, task=task)
        found["calibration"] = lambda: calibration_card(reading)
        found["maps"] = lambda: _maps(chosen, reading)
        certified = certificates.certified_model(chosen.task)
        if certified is not None:
            found["certificate"] = lambda: certificate_card(chosen, certified, task=task, key="diagnose")
    found["details"] = lambda: _details(chosen, reading)
    if reading is not None and reading.abstained is None:
        found["export"] = lambda: export_buttons(reading, chosen, key="reading")
    return found


def _picked(offered: list[str]) -> str:
    """The open section; a volume that has just come opens its own."""
    volume = volumes.opened()
    digest = None if volume is None else volume.digest
    if digest != st.session_state.get(OPENED):
        st.session_state[OPENED] = digest
        if "volume" in offered:
            st.session_state[KEY] = "volume"
    if st.session_state.get(KEY) not in offered:
        st.session_state[KEY] = offered[0]
    picked = st.segmented_control(
        tr("diagnose.more-about", "More about this scan"),
        offered,
        format_func=lambda name: tr(TITLES[name]),
        required=True,
        key=KEY,
        label_visibility="collapsed",
        persist_state="session",
        wrap=True,
    )
    return picked if picked in offered else offered[0]


@st.fragment
def _maps(chosen: Chosen, reading: Reading) -> None:
    style = map_controls("diagnose")
    try:
        with working(tr("diagnose.drawing-maps", "Drawing the maps…"), quick=True):
            (views,) = services.maps(reading.model, chosen.fingerprint, reading.label, (reading.picture,))
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return
    map_gallery(views, reading.picture, style=style)


def _details(chosen: Chosen, reading: Reading | None) -> None:
    """The window of the file, the model, and the numbers behind the probability."""
    window, model = st.columns([3, 2], gap="large")
    with window:
        reading_controls(chosen)
        if reading is not None:
            st.markdown(f"**{tr('diagnose.model', 'Model')}**")
            st.caption(tr(reading.model.summary))
            if reading.prediction.calibrated is not None and reading.abstained is None:
                _technical(reading)
    with model:
        if reading is not None:
            model_view_card(reading.picture, chosen)


def _technical(reading: Reading) -> None:
    """The one place that shows the raw softmax."""
    softmax = zip(reading.classes, reading.prediction.probabilities, strict=True)
    with st.expander(tr("diagnose.technical-details", "Technical details"), key="diagnose_technical", expanded=True):
        st.caption(
            tr(
                "diagnose.temperature-temperature",
                "Temperature {temperature}, fitted on validation patients. Raw softmax before it: {shares}.",
                temperature=f"{reading.prediction.temperature:.2f}",
                shares=", ".join(f"{name} {percent(share)}" for name, share in softmax),
            )
        )
