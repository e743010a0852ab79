"""What a batch is made of: kind of scan, model, files."""

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile

from dashboard.components.model_picker import model_picker
from dashboard.language import tr
from dashboard.services import batch
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import ModelChoice
from dashboard.session import batch_state, uploads

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


def batch_form() -> None:
    """Three choices and a button; pressing it takes the files out of the browser's hands and starts."""
    tasks = services.tasks()
    task = st.segmented_control(
        tr("batch.kind-scan", "Kind of scan"),
        list(tasks),
        format_func=lambda key: tr(tasks[key].title),
        default=next(iter(tasks)),
        required=True,
        key="batch_task",
        persist_state="session",
    )
    task = task if task in tasks else next(iter(tasks))
    model = model_picker(task, key="batch_model")
    files = st.file_uploader(
        tr("batch.zip-archive", "A ZIP archive, or several files (DICOM, PNG, JPEG or TIFF), 20 MB each at most"),
        accept_multiple_files=True,
        key=_uploader_key(),
        help=tr(
            "batch.read-memory",
            "Read in memory, one scan after the other, never written to disk. A larger set is read by the command "
            "`meddef batch`, on your own computer.",
        ),
    )
    st.caption(
        tr(
            "batch.put-scans",
            "Put scans of known class into folders named by the class ({classes}) before you pack them: the outputs "
            "are then counted against it.",
            classes=", ".join(tasks[task].classes),
        )
    )
    st.caption(
        _name_words(),
        help=tr("batch.pictures-may", "Pictures may show names burned into them: do not upload such pictures."),
    )
    st.button(
        tr("batch.read-all", "Read all scans"),
        key="batch_start",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not files or model is None,
        on_click=_start,
        args=(model, task),
    )
    problem = st.session_state.get("batch_problem")
    if problem:
        st.error(tr(problem), icon=":material/block:")


def _name_words() -> str:
    return tr(
        "batch.here-unlike",
        "Here, unlike on the other pages, file names are shown: you need them to find your rows again. They live in "
        "this session and in the table that you download, and nowhere else.",
    )


def _uploader_key() -> str:
    """A new key after every batch, so that the browser lets go of its files."""
    return f"batch_upload_{st.session_state.get('batch_uploads', 0)}"


def _start(model: ModelChoice, task: str) -> None:
    """Take the bytes, drop the uploads, and make a job of them; the last table goes, also where they are refused."""
    files: list[UploadedFile | DeletedFile] = st.session_state.get(_uploader_key()) or []
    here = [file for file in files if not isinstance(file, DeletedFile)]
    taken = [(file.name, file.getvalue()) for file in here]
    for file in here:
        uploads.forget_file(file.file_id)
    batch_state.forget()
    if len(here) < len(files):
        st.session_state["batch_problem"] = uploads.NOT_TAKEN
        return
    try:
        batch_state.keep(batch.open_job(taken, model=model, task=task))
    except MedDefError as error:
        st.session_state["batch_problem"] = str(error)
