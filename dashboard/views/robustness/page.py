"""Page "Robustness": undefended against MedDef on the first screen; every other study is one section away."""

import streamlit as st

from dashboard.components.damaged import damaged_files
from dashboard.language import tr
from dashboard.services import records, robust_curves
from dashboard.services import shared as services
from dashboard.views.robustness.sections import sections


def page() -> None:
    """One kind of scan and one section at a time; every section says what it lacks."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(tr("app.robustness", "Robustness"), anchor=False, width="content")
        task = _task()
    found = records.of_task(task)
    damaged_files(found.problems)
    sections(found, robust_curves.curves(found))


def _task() -> str:
    tasks = services.tasks()
    chosen = st.segmented_control(
        tr("batch.kind-scan", "Kind of scan"),
        list(tasks),
        default=next(iter(tasks)),
        format_func=lambda key: tr(tasks[key].title),
        key="robustness_task",
        required=True,
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
    )
    return chosen if chosen in tasks else next(iter(tasks))


page()
