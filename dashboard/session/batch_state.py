"""The batch of a session: one at a time, the newest."""

import streamlit as st

from dashboard.services import batch


def job() -> batch.BatchJob | None:
    """The batch of this session, running or ended."""
    return st.session_state.get("batch_job")


def keep(job: batch.BatchJob) -> None:
    """Remember one batch in place of the one before."""
    st.session_state["batch_job"] = job


def forget() -> None:
    """Its table, its file names and its files go, and what was chosen in the browser but not read."""
    for key in ("batch_job", "batch_problem"):
        st.session_state.pop(key, None)
    st.session_state["batch_uploads"] = st.session_state.get("batch_uploads", 0) + 1
