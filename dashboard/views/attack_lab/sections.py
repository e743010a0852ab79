"""Everything about an attack that is not on the first screen: one section at a time, computed when it is opened."""

from collections.abc import Callable

import streamlit as st

from dashboard.components.certificate_card import certificate_card
from dashboard.components.export_buttons import export_buttons
from dashboard.language import tr
from dashboard.services import certificates
from dashboard.services.results.common import LabResult
from dashboard.services.tasks import Task
from dashboard.services.words import Text
from dashboard.session.state import Chosen
from dashboard.views.attack_lab.added import added, measurements
from dashboard.views.attack_lab.before_after import maps_before_after
from dashboard.views.attack_lab.course import course
from dashboard.views.attack_lab.probabilities import probabilities
from dashboard.views.attack_lab.sweeps import sweeps_card
from dashboard.views.attack_lab.transfer import transfer_card

KEY = "lab_section"

TITLES = {
    "added": Text("lab.added", "Added"),
    "probabilities": Text("lab.probabilities", "Probabilities"),
    "sizes": Text("lab.size", "Size"),
    "steps": Text("lab.steps", "Steps"),
    "maps": Text("lab.maps", "Maps"),
    "sweep": Text("lab.sweep", "Sweep"),
    "transfer": Text("lab.transfer", "Transfer"),
    "certificate": Text("diagnose.certificate", "Certificate"),
    "export": Text("out.export", "Export"),
}


def sections(chosen: Chosen, result: LabResult, *, task: Task) -> None:
    """A bar of sections and the one that is open."""
    offered = _offered(chosen, result, task=task)
    names = list(offered)
    if st.session_state.get(KEY) not in names:
        st.session_state[KEY] = names[0]
    picked = st.segmented_control(
        tr("lab.more-about", "More about this attack"),
        names,
        format_func=lambda name: tr(TITLES[name]),
        required=True,
        key=KEY,
        label_visibility="collapsed",
    )
    offered[picked if picked in offered else names[0]]()


def _offered(chosen: Chosen, result: LabResult, *, task: Task) -> dict[str, Callable[[], None]]:
    found: dict[str, Callable[[], None]] = {
        "added": lambda: added(result),
        "probabilities": lambda: probabilities(result, task=task),
        "sizes": lambda: measurements(result),
        "steps": lambda: course(result, task=task),
        "maps": lambda: maps_before_after(result),
        "sweep": lambda: sweeps_card(result, task=task),
        "transfer": lambda: transfer_card(result, task=task),
    }
    certified = certificates.certified_model(chosen.task)
    if certified is not None:
        eps = result.spec.eps if result.option.norm == "linf" else None
        found["certificate"] = lambda: certificate_card(chosen, certified, task=task, key="lab", attack=eps)
    found["export"] = lambda: export_buttons(result, chosen, key="attack")
    return found
