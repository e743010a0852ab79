"""The bytes behind the chosen scan, kept while its frame or window can still be changed. One file, in memory."""

from dataclasses import dataclass

import streamlit as st

from dashboard.services.errors import MedDefError
from dashboard.services.models import windows_of
from dashboard.services.queue import HELD
from dashboard.services.scans import Scan, WindowRange
from dashboard.services.visitor import session_id

KEY = "source"


@dataclass(frozen=True, eq=False)
class UploadSource:
    """A file as it came, known by the digest of its bytes; `frames` it holds."""

    data: bytes
    digest: str
    frames: int


def keep(data: bytes, scan: Scan) -> None:
    """Remember a file that was read as `scan` if there is anything to choose in it, and forget the last one.

    Another picture of the file that is kept already costs nothing more.
    """
    if of(scan) is not None:
        return
    if has_choices(scan):
        source = UploadSource(data, scan.digest, _frames(scan))
        HELD.admit(source, len(data), owner=session_id())
        st.session_state[KEY] = source
    else:
        forget()


def take_back(source: UploadSource) -> None:
    """Make a file that was kept elsewhere in this session the one whose frame and window can be changed."""
    st.session_state[KEY] = source


def has_choices(scan: Scan) -> bool:
    """Whether the file of a scan holds more than one picture: several frames, or values that a window selects."""
    return _frames(scan) > 1 or scan.bits > 8


def _frames(scan: Scan) -> int:
    return int(scan.tags.get("NumberOfFrames", "1"))


def forget() -> None:
    """Let go of the bytes."""
    st.session_state.pop(KEY, None)


def of(scan: Scan) -> UploadSource | None:
    """The file that a scan was read from; None where it holds nothing to choose, or is no longer kept."""
    source: UploadSource | None = st.session_state.get(KEY)
    return source if source is not None and source.digest == scan.digest else None


@st.cache_data(scope="session", max_entries=2, show_spinner=False)
def windows(digest: str, frame: int | None, _data: bytes) -> WindowRange | None:
    """What a window of a file can be set to; None where it has none. `digest` names the bytes."""
    try:
        return windows_of(_data, frame=frame)
    except MedDefError:
        return None
