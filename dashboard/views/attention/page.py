"""Page "Attention": one map large, clean beside attacked, with what it is worth; all models and variants below."""

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.components.model_picker import models_with_maps
from dashboard.components.progress import working
from dashboard.components.scan_facts import no_scan, origin_line
from dashboard.components.scan_level import guards, may_use, scan_notes
from dashboard.language import tr
from dashboard.services import inspection
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.results.attention import Inspected
from dashboard.services.results.common import LabResult, ModelChoice
from dashboard.services.tasks import Task
from dashboard.services.words import Text
from dashboard.session import state
from dashboard.session.state import Chosen
from dashboard.views.attention import scores, sections
from dashboard.views.attention.channels import channels
from dashboard.views.attention.large import large
from dashboard.views.attention.maps import Look, look_controls
from dashboard.views.attention.pointing import pointing
from dashboard.views.attention.positions import self_attention
from dashboard.views.attention.propagation import propagation
from dashboard.views.attention.setup import attack_line, attack_of, outputs_table, quick_attack
from dashboard.views.attention.worth import worth

Section = Callable[[Sequence[Inspected], Task, Look], None]

MAPS: dict[str, tuple[str, Section]] = {
    "grad-cam": (
        Text("attention.all-models", "All models: Grad-CAM"),
        lambda found, task, look: sections.grad_cam(found, task=task, look=look),
    ),
    "modules": (
        Text("attention.defence-modules", "Defence modules"),
        lambda found, task, look: sections.modules(found, look=look),
    ),
    "channels": (
        Text("attention.channel-attention", "Channel attention"),
        lambda found, task, look: channels(found, look=look),
    ),
    "self-attention": (
        Text("attention.self-attention", "Self-attention"),
        lambda found, task, look: self_attention(found, look=look),
    ),
    "gradients": (
        Text("attention.integrated-gradients", "Integrated gradients"),
        lambda found, task, look: sections.class_maps(found, task=task, look=look, name="integrated_gradients"),
    ),
    "occlusion": (
        Text("attention.occlusion", "Occlusion"),
        lambda found, task, look: sections.class_maps(found, task=task, look=look, name="occlusion"),
    ),
}
"""Sections that draw maps, by their name in a link."""

OTHERS: dict[str, tuple[str, Callable[[Sequence[Inspected], Task, str | None], None]]] = {
    "outputs": (
        Text("attention.outputs", "Outputs"),
        lambda found, task, truth: outputs_table(found, task=task, truth=truth),
    ),
    "scan": (Text("attention.scans-alone", "The scans alone"), lambda found, task, truth: sections.scans(found)),
    "stability": (Text("attention.stability", "Stability"), lambda found, task, truth: scores.stability(found)),
    "propagation": (Text("attention.propagation", "Propagation"), lambda found, task, truth: propagation(found)),
    "sanity": (
        Text("attention.randomised-weights", "Randomised weights"),
        lambda found, task, truth: scores.sanity(found),
    ),
    "pointing": (
        Text("attention.pointing-game", "Pointing game"),
        lambda found, task, truth: pointing(found, task=task),
    ),
}
"""Sections without maps to set the display of: the scans themselves, and what scores maps and networks."""

TITLES = {key: title for key, (title, _) in (*MAPS.items(), *OTHERS.items())}

FIRST = "outputs"
"""The section that is open at first: a small table, which computes nothing more."""


def page() -> None:
    """One map large; below it one section at a time: the others compute nothing."""
    chosen = state.chosen()
    head = st.container(horizontal=True, vertical_alignment="center")
    with head:
        st.title(tr("attention.attention", "Attention"), anchor=False, width="content")
        if chosen is not None:
            origin_line(chosen)
    if chosen is None:
        no_scan()
        return
    task = services.tasks()[chosen.task]
    with head:
        more = st.popover(tr("about.models", "Models"), icon=":material/tune:", key="attention_setup")
    found = _setup(chosen, task, more=more)
    if not found:
        return
    try:
        large(found, task=task.key)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
    scan_notes([each.clean for each in found], task=task)
    _sections(found, task, chosen)


def _setup(chosen: Chosen, task: Task, *, more: DeltaGenerator) -> list[Inspected]:
    """The models, whose field goes into `more`; a quick attack on each, and what came of it."""
    with more:
        models = models_with_maps(chosen.task)
        st.page_link(
            "dashboard/views/diagnose/page.py", label=tr("lab.other-scan", "Other scan"), icon=":material/arrow_back:"
        )
    try:
        if not may_use(chosen, guards(chosen, models), task=task, key="attention"):
            return []
        quick_attack(chosen, models)
        found = _read(chosen, models, attack_of(chosen))
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return []
    if found:
        attack_line(attack_of(chosen), found)
    return found


def _read(chosen: Chosen, models: Sequence[ModelChoice], attack: LabResult | None) -> list[Inspected]:
    with working(tr("attention.reading-scan", "Reading the scan…"), quick=True):
        readings = [services.read(model, chosen.fingerprint, chosen.scan) for model in models]
    return [inspection.inspected(reading, attack) for reading in readings]


def _sections(found: Sequence[Inspected], task: Task, chosen: Chosen) -> None:
    """One section. No fragment: who turns to another would wait there until every model's slow maps are drawn."""
    picked = st.segmented_control(
        tr("attention.what-look", "What to look at"),
        list(TITLES),
        default=FIRST,
        required=True,
        format_func=lambda key: tr(TITLES[key]) if key in TITLES else key,
        key="attention_section",
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
    )
    name = picked if picked in TITLES else FIRST
    worth(name, found, task=task.key)
    try:
        if name in MAPS:
            MAPS[name][1](found, task, look_controls(attacked=any(each.outcome is not None for each in found)))
        else:
            OTHERS[name][1](found, task, chosen.truth)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")


page()
