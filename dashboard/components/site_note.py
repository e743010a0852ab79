"""The hospital that a model of this server is adjusted for, in the sidebar of every page."""

import streamlit as st

from dashboard.language import tr
from dashboard.services import site
from dashboard.services.errors import MedDefError


def site_note() -> None:
    """Nothing where no site profile is in use, or where it cannot be read: whatever loads its model says why."""
    try:
        found = site.profile()
    except MedDefError:
        return
    if found is not None:
        st.info(
            tr("site.model-adjusted", "{model} is adjusted for {title}.", model=found.model, title=found.title),
            icon=":material/tune:",
        )
