"""What the whole dashboard needs of the browser and Streamlit does not do: a Back button that goes back, and the main
button of a page that looks like one in the dark theme, too.
"""

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent


def shell() -> None:
    """Draws nothing. Call once in every run, outside the page."""
    css, js = ((FOLDER / f"shell.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    mount = st.components.v2.component("meddef_shell", css=css, js=js, isolate_styles=False)
    mount(key="shell", data={"dark": st.context.theme.type == "dark"}, height="content")
