"""The button that a page is about."""

from typing import Literal

import streamlit as st


def main_button() -> Literal["primary", "secondary"]:
    """Filled in the light theme only: Streamlit writes white on it, which the dark theme's bright colour drowns."""
    return "secondary" if st.context.theme.type == "dark" else "primary"
