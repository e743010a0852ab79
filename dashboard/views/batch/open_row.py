"""From a row of the table to its scan on the page Diagnose."""

import streamlit as st

from dashboard.language import tr
from dashboard.services import batch
from dashboard.services.batch import BatchOutcome
from dashboard.session import batch_state, uploads

ROWS, ROW, OPENED = "batch_rows", "batch_row", "batch_opened"
"""Keys of the table, of the row to open, and of what tells the page that one was opened."""

DIAGNOSE = "dashboard/views/diagnose/page.py"


def go_to_opened() -> None:
    """Leave for the page Diagnose where a row was just opened. Call before the page draws anything."""
    if st.session_state.pop(OPENED, False):
        st.switch_page(DIAGNOSE)


def row_opener(job: batch.BatchJob) -> None:
    """Choose a row, here or in the table, and open its scan."""
    offered = {row.number: row for row in job.rows if batch.file_of(job, row.number) is not None}
    if not offered:
        return
    if st.session_state.get(ROW) not in offered:
        st.session_state[ROW] = next(iter(offered))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            tr("batch.scan-open", "Scan to open (or select its row in the table)"),
            list(offered),
            format_func=lambda number: _title(offered[number]),
            key=ROW,
            width=420,
        )
        st.button(
            tr("batch.open-diagnose", "Open in Diagnose"),
            key="batch_open",
            icon=":material/open_in_new:",
            on_click=_open,
            args=(job,),
        )
    st.caption(
        tr(
            "batch.files-kept",
            "Files are kept in this session's memory for this, {n} MB at most, until you clear the table.",
            n=batch.MOST_KEPT // 10**6,
        )
    )


def follow_selection() -> None:
    """The row that was selected in the table becomes the one to open, if its file is kept."""
    job, rows = batch_state.job(), st.session_state[ROWS]["selection"]["rows"]
    if job is None or not rows or not 0 <= rows[0] < len(job.rows):
        return
    number = job.rows[rows[0]].number
    if batch.file_of(job, number) is not None:
        st.session_state[ROW] = number


def _title(row: BatchOutcome) -> str:
    return f"{row.number} · {row.name} · {row.short_id}"


def _open(job: batch.BatchJob) -> None:
    """Read the row's file as if it had been uploaded, as the same kind of scan and with the same model."""
    data = batch.file_of(job, int(st.session_state[ROW]))
    if data is None:
        return
    st.session_state["task"] = job.task
    st.session_state[f"diagnose_model_{job.task}"] = job.model.id
    uploads.read_pending(data)
    st.session_state[OPENED] = True
