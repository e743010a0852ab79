"""A batch while it runs: how far it is, the place in the line, and a way to stop it."""

import streamlit as st

from dashboard.components.progress import waiting_words
from dashboard.language import tr
from dashboard.services import batch
from dashboard.services.batch import CancelledError
from dashboard.services.errors import MedDefError
from dashboard.services.work import QueuePlace
from dashboard.session import state


def run_on(job: batch.BatchJob) -> None:
    """Read what is left, one scan after the other, and start the page over.

    Each row is kept as soon as it is there: whatever interrupts this script, the page goes on where it stopped.
    """
    bar = st.progress(0.0, text=tr("Starting…"))
    st.button(tr("Cancel"), key="batch_cancel", icon=":material/stop_circle:", on_click=_cancel)
    st.caption(tr("Cancelling keeps the rows that are done."))

    def on_wait(where: QueuePlace) -> None:
        bar.progress(len(job.rows) / job.total, text=waiting_words(where))

    while not job.ended:
        words = tr("Scan {n} of {total}", n=len(job.rows) + 1, total=job.total)
        bar.progress(len(job.rows) / job.total, text=words)
        try:
            job = batch.next_row(job, on_wait)
        except CancelledError:  # the reader left; the job waits for one who comes back
            st.stop()
        except MedDefError as error:
            job = batch.stop(job, problem=str(error))
        state.keep_batch(job)
    st.rerun()


def _cancel() -> None:
    job = state.batch_job()
    if job is not None and not job.ended:
        state.keep_batch(batch.stop(job))
