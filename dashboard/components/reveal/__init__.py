"""Brings a part of a page into view once, where the reader would have to scroll to see it. Draws nothing."""

from pathlib import Path

import streamlit as st

SCRIPT = Path(__file__).parent / "reveal.js"


def reveal(box: str, *, mark: str) -> None:
    """Scroll to the container of key `box` when a new `mark` comes; the same one again does nothing."""
    mount = st.components.v2.component("meddef_reveal", js=SCRIPT.read_text(encoding="utf-8"))
    mount(key=f"reveal_{box}", data={"box": box, "mark": mark}, height="content")
