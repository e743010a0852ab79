"""The card of a step about a paper's claim: the paper's own table."""

import pandas as pd
import streamlit as st

from dashboard.language import tr
from dashboard.services.lessons.model import StepState
from dashboard.services.reported import reported_table


def reported(state: StepState) -> None:
    """Accuracies as the paper reports them, which nothing here has reproduced."""
    head, *rows = reported_table(state.task, tr) or ((),)
    if not rows:
        st.info(
            tr("classroom.table-paper", "The table of the paper is missing; restore assets/results/reported.json."),
            icon=":material/info:",
        )
        return
    table = pd.DataFrame(rows, columns=list(head)).set_index(head[0])
    st.table(table, border="horizontal", alt=tr("classroom.accuracies-paper", "Accuracies as the paper reports them"))
    st.caption(
        tr(
            "classroom.reported-meddef",
            "Reported by the MedDef paper on its own test sets. What was reproduced here is on the page Robustness.",
        )
    )
