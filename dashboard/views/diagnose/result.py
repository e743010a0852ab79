"""What the model says of the scan, beside it: class, one probability, and how far to rely on it."""

import streamlit as st

from dashboard.components.probability_bars import probability_bars, truth_line
from dashboard.components.words import class_words, percent
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.results.common import Reading
from dashboard.session import state
from dashboard.session.state import Chosen
from dashboard.views.diagnose.abstention import refusal, remark
from dashboard.views.diagnose.reliability import reliability


def result_card(reading: Reading, chosen: Chosen, *, better: str | None) -> None:
    """The prediction, or why there is none; `better` is a task that suits such a scan."""
    task = services.tasks()[chosen.task]
    if reading.abstained is not None:
        refusal(reading, task=task, better=better)
        if better is not None:
            _switch_button(better)
        return
    remark(reading)
    with st.container(gap="xsmall"):
        st.caption(tr("diagnose.model-output", "Model output of {model}", model=tr(reading.model.title)))
        st.subheader(f"{class_words(task, reading.label)} · {percent(reading.probability)}", anchor=False)
        truth_line(reading.label, task=task, truth=chosen.truth)
        probability_bars(reading, task=task)
        reliability(reading, task=task)


def _switch_button(better: str) -> None:
    st.button(
        tr("diagnose.switch-task", "Switch to {task}", task=tr(services.tasks()[better].title)),
        key="diagnose_switch_task",
        type="primary",
        icon=":material/swap_horiz:",
        on_click=_switch,
        args=(better,),
    )


def _switch(task: str) -> None:
    st.session_state["task"] = task
    state.change_task()
