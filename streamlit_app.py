"""MedDef's dashboard. Start it with `streamlit run streamlit_app.py` or `meddef app`."""

from pathlib import Path

import streamlit as st

from dashboard import state
from meddef_core.errors import MedDefError
from meddef_core.intended_use import INTENDED_USE

PICTURES = Path(__file__).parent / "dashboard"

# Pictures of our own: the browser would fetch a Material page icon from another host.
st.set_page_config(page_title="MedDef", page_icon=PICTURES / "favicon.svg", layout="wide")
st.logo(PICTURES / "logo.svg", size="large")

page = st.navigation(
    [
        st.Page(
            "dashboard/views/diagnose.py",
            title="Diagnose",
            icon=":material/radiology:",
            url_path="diagnose",
            default=True,
        ),
        st.Page(
            "dashboard/views/attack_lab.py", title="Attack lab", icon=":material/experiment:", url_path="attack-lab"
        ),
        st.Page("dashboard/views/about.py", title="About", icon=":material/info:", url_path="about"),
    ]
)

with st.sidebar:
    st.button(
        "Clear everything",
        key="clear_everything",
        icon=":material/delete_sweep:",
        on_click=state.clear_everything,
        width="stretch",
    )
    st.caption("Scans and results live in this session's memory only. They go when you clear them or close the page.")

st.info(INTENDED_USE, icon=":material/health_and_safety:")
try:
    page.run()
except MedDefError as error:  # a page handles what it can go on without; the rest is still one sentence
    st.error(str(error), icon=":material/error:")
