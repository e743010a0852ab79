"""A batch while it runs: how far it is, the place in the line, and a way to stop it."""

import streamlit as st

from dashboard.components.progress import waiting_words
from dashboard.language import tr
from dashboard.services import batch
from dashboard.services.batch import CancelledError
from dashboard.services.errors import MedDefError
from dashboard.services.work import QueuePlace
from dashboard.session import batch_state


def run_on(job: batch.BatchJob) -> None:
    """Read what is left, one scan after the other, and start the page over.

    Each row is kept as soon as it is there: whatever interrupts this script, the page goes on where it stopped.
    """
    bar = st.progress(0.0, text=tr("batch.starting", "Starting…"))
    st.button(tr("batch.cancel", "Cancel"), key="batch_cancel", icon=":material/stop_circle:", on_click=_cancel)
    st.caption(tr("batch.cancelling-keeps", "Cancelling keeps the rows that are done."))

    def on_wait(where: QueuePlace) -> None:
        bar.progress(len(job.rows) / job.total, text=waiting_words(where))

    while not job.ended:
        words = tr("batch.scan-n", "Scan {n} of {total}", n=len(job.rows) + 1, total=job.total)
        bar.progress(len(job.rows) / job.total, text=words)
        try:
            job = batch.next_row(job, on_wait)
        except CancelledError:  # the reader left; the job waits for one who comes back
            st.stop()
        except MedDefError as error:
            job = batch.stop(job, problem=str(error))
        batch_state.keep(job)
    st.rerun()


def _cancel() -> None:
    job = batch_state.job()
    if job is not None and not job.ended:
        batch_state.keep(batch.stop(job))
