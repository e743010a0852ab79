"""Says that a strip scrolls sideways, on the screens on which it does."""

from pathlib import Path

import streamlit as st

SCRIPT = Path(__file__).parent / "hint.js"


def strip_hint(box: str, words: str) -> None:
    """`words`, shown while the container of key `box` is wider than the screen has room for."""
    hint = st.components.v2.component("meddef_strip_hint", js=SCRIPT.read_text(encoding="utf-8"))
    hint(key=f"hint_{box}", data={"box": box, "words": words}, height="content")
