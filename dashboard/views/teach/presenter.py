"""Large type for a projector: the page's own font size, which every size on it follows, put back when it ends."""

import streamlit as st

from dashboard.services import account

SIZE = "150%"
PRESENTER = "teach_presenter"
"""Key of the switch in the session."""

_LARGE = st.components.v2.component(
    "meddef_large_type",
    js="""
    export default function (component) {
      const root = document.documentElement;
      root.style.fontSize = component.data.size;
      return () => { root.style.fontSize = ""; };
    }
    """,
)


def large_type() -> None:
    """Make everything on the page larger for as long as this is on it."""
    _LARGE(key="teach_large_type", data={"size": SIZE}, height=1)


def presenting() -> bool:
    """Whether this session shows lessons to a room."""
    return account.may("present") and bool(st.session_state.get(PRESENTER))
