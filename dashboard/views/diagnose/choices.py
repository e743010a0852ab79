"""What a visitor can begin with: a scan of their own, an attack, or a lesson. The first sample is already predicted."""

import streamlit as st

from dashboard.components.scan_facts import refused_line
from dashboard.language import tr
from dashboard.services.words import Text
from dashboard.session import uploads
from dashboard.views.diagnose.scan_picker import UPLOAD_BOX, upload_box
from dashboard.views.diagnose.upload_watch import upload_watch

ELSEWHERE = {
    "attack": (Text("diagnose.attack-2", "Attack it"), ":material/experiment:", "dashboard/views/attack_lab/page.py"),
    "teach": (Text("app.teach", "Teach"), ":material/school:", "dashboard/views/teach/page.py"),
}
"""The choices that lead to another page: label, icon, page."""

BUTTONS = 132
"""Their width in pixels, so that the uploader has the rest of a narrow column."""


def choices() -> None:
    """Three choices beside each other; below them why the last file was refused, if it was."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="diagnose_choices"):
        upload_box()
        with st.container(width=BUTTONS, gap="xsmall"):
            upload_watch(UPLOAD_BOX, on_lost=uploads.refuse_lost)  # draws nothing, and takes no room here
            for name, (label, icon, page) in ELSEWHERE.items():
                if st.button(tr(label), key=f"diagnose_to_{name}", icon=icon, width="stretch"):
                    st.switch_page(page)
    refused_line()
