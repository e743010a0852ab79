"""MedDef's dashboard. Start it with `streamlit run streamlit_app.py` or `meddef app`.

Streamlit's server imports this file for `app`, which it finds by that name; every session then runs it as its script.
"""

import gc
import os
import sys
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.starlette import App

from meddef_core.errors import MedDefError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.settings import Settings, settings

PICTURES = Path(__file__).parent / "dashboard"


def checked_settings() -> Settings:
    """The settings; the process ends with one sentence where one cannot work: no page could be shown."""
    try:
        return settings()
    except MedDefError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        os._exit(2)  # this may be a thread of the server's, from which SystemExit would not reach it


@st.cache_resource(show_spinner=False)
def libraries_set_apart() -> None:
    """Keep what the libraries loaded out of garbage collection, once for this process.

    Streamlit collects after every run of a page. Going through all of PyTorch each time took 0.2 s, three quarters of
    what a page takes to open.
    """
    gc.collect()
    gc.freeze()


@st.cache_resource(show_spinner=False)
def decoder_warmed() -> None:
    """Start the process that decodes uploads, once for this server: the first upload then does not wait for it."""
    from dashboard import services

    services.warm_up()


def main() -> None:
    """One run of the page that a session is on."""
    from dashboard.components.history_panel import history_panel
    from dashboard.components.shell import shell
    from dashboard.components.site_note import site_note
    from dashboard.language import language_picker, tr
    from dashboard.session import state  # here, where the settings are known to work: its queues take their sizes

    # Pictures of our own: the browser would fetch a Material page icon from another host.
    st.set_page_config(page_title="MedDef", page_icon=PICTURES / "favicon.svg", layout="wide")
    st.logo(PICTURES / "logo.svg", size="large")

    with st.sidebar:  # before the titles below, which are in its language
        language_picker()

    page = st.navigation(
        [
            st.Page(
                "dashboard/views/diagnose/page.py",
                title=tr("Diagnose"),
                icon=":material/radiology:",
                url_path="diagnose",
                default=True,
            ),
            st.Page(
                "dashboard/views/attack_lab/page.py",
                title=tr("Attack lab"),
                icon=":material/experiment:",
                url_path="attack-lab",
            ),
            st.Page(
                "dashboard/views/attention/page.py",
                title=tr("Attention"),
                icon=":material/visibility:",
                url_path="attention",
            ),
            st.Page("dashboard/views/batch/page.py", title=tr("Batch"), icon=":material/table_view:", url_path="batch"),
            st.Page("dashboard/views/teach/page.py", title=tr("Teach"), icon=":material/school:", url_path="teach"),
            st.Page(
                "dashboard/views/robustness/page.py",
                title=tr("Robustness"),
                icon=":material/shield:",
                url_path="robustness",
            ),
            st.Page(
                "dashboard/views/site/page.py",
                title=tr("Your site"),
                icon=":material/local_hospital:",
                url_path="site",
            ),
            st.Page("dashboard/views/about/page.py", title=tr("About"), icon=":material/info:", url_path="about"),
        ]
    )

    with st.sidebar:
        shell()
        site_note()
        st.button(
            tr("Clear everything"),
            key="clear_everything",
            icon=":material/delete_sweep:",
            on_click=state.clear_everything,
            width="stretch",
        )
        st.caption(
            tr("Scans and results live in this session's memory only. They go when you clear them or close the page.")
        )

    st.caption(f":material/health_and_safety: **{tr(INTENDED_USE)}**")
    try:
        page.run()
    except MedDefError as error:  # a page handles what it can go on without; the rest is still one sentence
        st.error(tr(str(error)), icon=":material/error:")
    history_panel()
    libraries_set_apart()
    decoder_warmed()


if __name__ == "__main__":
    checked_settings()
    main()
else:
    from dashboard.admission import Admission
    from dashboard.lifespan import lifespan
    from dashboard.server import Door

    now = checked_settings()
    app = App(__file__, lifespan=lifespan, middleware=[Middleware(Door, now=now), Middleware(Admission, now=now)])
