"""Hears of a file that Streamlit itself refused in the browser, of which the server is told nothing."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

SCRIPT = Path(__file__).parent / "watch.js"


def upload_watch(box: str, *, on_lost: Callable[[], None]) -> None:
    """Call `on_lost` when a file is refused in the uploader inside the container of key `box`. Draws nothing."""
    script = SCRIPT.read_text(encoding="utf-8")
    watch = st.components.v2.component("meddef_upload_watch", js=script)
    watch(key="upload_watch", data={"box": box}, height="content", on_lost_change=on_lost)
