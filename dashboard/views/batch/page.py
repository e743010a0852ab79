"""Page "Batch": many scans in, one table out."""

import streamlit as st

from dashboard.language import tr
from dashboard.services import batch
from dashboard.session import batch_state
from dashboard.views.batch import table as batch_table
from dashboard.views.batch.form import batch_form
from dashboard.views.batch.open_row import go_to_opened, row_opener
from dashboard.views.batch.run import run_on


def page() -> None:
    """Choose, read, look at the table, take it away."""
    go_to_opened()
    st.title(tr("batch.batch", "Batch"), anchor=False)
    job = batch_state.job()
    with st.container(border=True):
        st.header(tr("batch.1-scans", "1 · Scans"), anchor=False)
        if job is not None and not job.ended:
            run_on(job)
        batch_form()
    if job is None:
        st.info(
            tr("batch.no-table", "No table yet. Choose a ZIP archive or several files above and press the button."),
            icon=":material/touch_app:",
        )
        return
    with st.container(border=True):
        st.header(tr("batch.2-model", "2 · Model outputs"), anchor=False)
        _table(job)
    with st.container(border=True):
        st.header(tr("batch.3-against", "3 · Against what is known"), anchor=False)
        batch_table.score_card(job)


def _table(job: batch.BatchJob) -> None:
    batch_table.summary(job)
    batch_table.outputs(job)
    batch_table.rows_table(job)
    row_opener(job)
    with st.container(horizontal=True):
        st.download_button(
            tr("batch.download-table", "Download the table (CSV)"),
            lambda: batch.csv_of(job),
            f"meddef-batch-{job.task}-{job.read:%Y%m%d-%H%M%S}.csv",
            "text/csv",
            key="batch_csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.button(
            tr("batch.forget-table", "Forget this table"),
            key="batch_forget",
            icon=":material/delete:",
            on_click=batch_state.forget,
        )


page()
