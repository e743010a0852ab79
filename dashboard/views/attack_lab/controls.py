"""The three controls of the laboratory: scan, attack strength and run; all other settings under Advanced."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.components.budgets import budget_slider
from dashboard.components.model_picker import models_to_compare
from dashboard.components.scan_facts import title_of
from dashboard.components.scan_level import guards, may_use
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import AttackChoice, AttackOption, ModelChoice
from dashboard.services.tasks import Task
from dashboard.session import state
from dashboard.session.state import Chosen
from dashboard.views.attack_lab import link as lab_link
from dashboard.views.attack_lab.attack_form import attack_picker, run_button, settings

SCAN = "lab_scan"
"""Key of the field that holds the chosen sample."""

THIS = "this scan"
"""Stands in that field for a scan that is no sample, such as an upload."""


FIELD = 256
"""Width of a control in pixels: all stand in one row on a wide screen, and wrap on a narrow one."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the controls ask for, unchecked, and whether the button was pressed."""

    option: AttackOption
    choice: AttackChoice
    models: tuple[ModelChoice, ...]
    pressed: bool


def controls(chosen: Chosen, task: Task) -> Order | None:
    """Draws them; None, said in words, where the scan may not be attacked."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        with st.container(width=FIELD):
            _scan_field(chosen)
        strength, run = st.container(width=FIELD), st.container(width="content")
        more = st.popover(tr("lab.advanced", "Advanced"), icon=":material/tune:", key="lab_advanced")
    with more:
        models = models_to_compare(chosen.task)
    if not _allowed(chosen, models, task=task):
        lab_link.write({})
        return None
    with more:
        option = attack_picker()
        choice = settings(option, task)
    with strength:
        choice = replace(choice, eps=budget_slider(option))
    with run:
        pressed = run_button(option, models)
    wanted = lab_link.parameters(chosen, choice, models)
    lab_link.write(wanted)
    with more:
        lab_link.link_box(wanted)
    return Order(option=option, choice=choice, models=models, pressed=pressed)


def _allowed(chosen: Chosen, models: Sequence[ModelChoice], *, task: Task) -> bool:
    """Whether the scan may be attacked: every model takes it, or the reader wants it all the same."""
    try:
        readings = guards(chosen, models)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return False
    return may_use(chosen, readings, task=task, key="lab")


# ---- the scan ----------------------------------------------------------------------------------------------------


def _scan_field(chosen: Chosen) -> None:
    """Every sample of both kinds of scan, and the scan in view where it is none of them."""
    offered = {sample.key: sample for task in services.tasks() for sample in services.samples(task)}
    keys = list(offered) if chosen.sample in offered else [THIS, *offered]
    st.session_state[SCAN] = chosen.sample if chosen.sample in offered else THIS
    st.selectbox(
        tr("lab.scan", "Scan"),
        keys,
        format_func=lambda key: tr(offered[key].title) if key in offered else title_of(chosen),
        key=SCAN,
        on_change=_choose,
        help=tr("lab.sample-your", "A sample. Your own scan is uploaded on the page Diagnose, and stays chosen here."),
    )


def _choose() -> None:
    """Make the picked sample the chosen scan, with the kind of scan that it is."""
    picked = st.session_state.get(SCAN)
    for task in services.tasks():
        for sample in services.samples(task):
            if sample.key == picked:
                st.session_state["task"] = task
                state.choose_sample(sample)
