"""From a file in the browser to the chosen scan, or to the sentence that says why it was refused."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.scans import MAX_BYTES, FrameError, is_zip
from dashboard.services.words import Text
from dashboard.services.work import BusyError
from dashboard.session import state, volumes

NOT_TAKEN = Text(
    "diagnose.file-did",
    "The file did not arrive: it is larger than 64 MB, or the connection was lost. Choose a smaller file, or "
    "try again.",
)
"""Said where Streamlit itself refuses a file, of which no byte reaches this server."""

AGAIN = 5.0
"""Seconds until files that there was no memory for are tried again."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """Files, as (name, bytes), that there was no memory for: they are read as soon as there is.

    A single scan has no name; `tried` is of `time.monotonic`.
    """

    files: tuple[tuple[str, bytes], ...]
    tried: float


def uploader_key() -> str:
    """A new key after every file, so that the browser lets go of the file and of its name."""
    return f"upload_{st.session_state.get('uploads', 0)}"


def receive_upload() -> None:
    """Take the bytes of the uploaded files, drop the files with their names, and read the bytes.

    Names serve to order the slices of a volume, and go then.
    """
    files: list[UploadedFile | DeletedFile] = st.session_state.get(uploader_key()) or []
    if not files:
        return
    if any(isinstance(file, DeletedFile) for file in files):
        refuse_lost()
        return
    taken = [(file.name, file.getvalue(), file.file_id) for file in files if not isinstance(file, DeletedFile)]
    for _, _, file_id in taken:
        forget_file(file_id)
    _next_key()
    if len(taken) == 1 and not is_zip(taken[0][1]):
        read_pending(taken[0][1])
    else:
        read_volume([(name, data) for name, data, _ in taken])


def read_volume(files: Sequence[tuple[str, bytes]]) -> None:
    """Read files, as (name, bytes), into a volume of which a slice is chosen, or refuse them."""
    try:
        volumes.open_files(files)
    except BusyError as error:
        state.refuse(str(error))
        _wait(files)
    except MedDefError as error:
        state.refuse(str(error))


def refuse_lost() -> None:
    """A file of which nothing arrived is refused like any other."""
    _next_key()
    state.refuse(NOT_TAKEN)


def read_pending(data: bytes) -> None:
    """Read bytes into the chosen scan, or refuse them; a file of several pictures is a volume."""
    try:
        if len(data) > MAX_BYTES:
            volumes.open_files([("volume", data)])
        else:
            state.choose_upload(data)
    except FrameError:
        read_volume([("volume", data)])
    except BusyError as error:
        state.refuse(str(error))
        _wait([("", data)])
    except MedDefError as error:
        state.refuse(str(error))


def waiting() -> Waiting | None:
    """The files that wait for memory."""
    return st.session_state.get("waiting")


def try_again() -> bool:
    """Read the files that wait for memory, if some seconds have passed; whether they wait no longer."""
    held = waiting()
    if held is None or time.monotonic() < held.tried + AGAIN:
        return held is None
    if [name for name, _ in held.files] == [""]:
        read_pending(held.files[0][1])
    else:
        read_volume(held.files)
    return waiting() is None


def _wait(files: Sequence[tuple[str, bytes]]) -> None:
    """Keep files for another try, unless even that is too much for this server."""
    held = Waiting(tuple(files), time.monotonic())
    with suppress(BusyError):
        services.HELD_WAITING.admit(held, sum(len(data) for _, data in files))
        st.session_state["waiting"] = held


def forget_file(file_id: str) -> None:
    """Free the upload now rather than when the session ends; Streamlit itself does so for chat uploads."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file_id)


def _next_key() -> None:
    st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1
