"""From a file in the browser to the chosen scan, or to the sentence that says why it was refused."""

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import DeletedFile

from dashboard.session import state
from meddef_core.errors import MedDefError
from meddef_core.scans import FrameError

NOT_TAKEN = (
    "The file did not arrive: it is larger than 20 MB, or the connection was lost. Choose a smaller file, or try again."
)
"""Said where Streamlit itself refuses a file, of which no byte reaches this server."""


def uploader_key() -> str:
    """A new key after every file, so that the browser lets go of the file and of its name."""
    return f"upload_{st.session_state.get('uploads', 0)}"


def receive_upload() -> None:
    """Take the bytes of the uploaded file, drop the file with its name, and read the bytes."""
    file = st.session_state.get(uploader_key())
    if file is None:
        return
    if isinstance(file, DeletedFile):
        refuse_lost()
        return
    data = file.getvalue()
    forget_file(file.file_id)
    _next_key()
    read_pending(data)


def refuse_lost() -> None:
    """A file of which nothing arrived is refused like any other."""
    _next_key()
    state.refuse(NOT_TAKEN)


def read_pending(data: bytes) -> None:
    """Read bytes into the chosen scan, or refuse them. Those of a multi-frame file wait until a frame is named."""
    try:
        state.choose_upload(data)
    except FrameError as error:
        state.refuse(str(error), pending=state.Pending(data, error.frames))
    except MedDefError as error:
        state.refuse(str(error))


def read_frame(waiting: state.Pending, frame: int) -> None:
    """Read one frame of a file that waits; where that one is refused, the file waits for another."""
    try:
        state.choose_upload(waiting.data, frame=frame)
    except MedDefError as error:
        state.refuse(str(error), pending=waiting)


def forget_file(file_id: str) -> None:
    """Free the upload now rather than when the session ends; Streamlit itself does so for chat uploads."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file_id)


def _next_key() -> None:
    st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1
