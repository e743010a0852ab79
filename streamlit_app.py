"""MedDef's dashboard. Start it with `streamlit run streamlit_app.py` or `meddef app`.

Streamlit's server imports this file for `app`, which it finds by that name; every session then runs it as its script.
"""

import gc
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import streamlit as st
from starlette.middleware import Middleware
from streamlit.starlette import App

from dashboard.login import secrets_of
from dashboard.services.errors import MedDefError
from dashboard.services.settings import Settings, settings
from dashboard.services.words import INTENDED_USE

PICTURES = Path(__file__).parent / "dashboard"


def checked_settings() -> tuple[Settings, dict[str, Any] | None]:
    """The settings, and the secrets of a login; the process ends with one sentence where one cannot work."""
    try:
        now = settings()
        return now, secrets_of(now)
    except MedDefError as error:
        ended(error)


def ended(error: MedDefError) -> NoReturn:
    """End the process with one sentence."""
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
    from dashboard.services import shared as services

    services.warm_up()


def main() -> None:
    """One run of the page that a session is on."""
    from dashboard.components.history_panel import history_panel
    from dashboard.components.login_page import account_card, login_page
    from dashboard.components.shell import shell
    from dashboard.components.site_note import site_note
    from dashboard.language import language_picker, tr
    from dashboard.navigation import pages
    from dashboard.services import account
    from dashboard.session import state  # here, where the settings are known to work: its queues take their sizes

    # Pictures of our own: the browser would fetch a Material page icon from another host.
    st.set_page_config(page_title="MedDef", page_icon=PICTURES / "favicon.svg", layout="wide")
    st.logo(PICTURES / "logo.svg", size="large")

    with st.sidebar:  # before the titles below, which are in its language
        language_picker()
    if not account.may("read"):
        st.navigation([login_page], position="hidden").run()
        return

    page = st.navigation(
        [
            st.Page(each.script, title=tr(each.title), icon=each.icon, url_path=each.address, default=number == 0)
            for number, each in enumerate(pages())
            if account.may(each.right)
        ]
    )

    with st.sidebar:
        shell()
        site_note()
        account_card()
        st.button(
            tr("app.clear-everything", "Clear everything"),
            key="clear_everything",
            icon=":material/delete_sweep:",
            on_click=state.clear_everything,
            width="stretch",
        )
        st.caption(
            tr(
                "app.scans-results",
                "Scans and results are kept in this session's memory only. Clearing, reloading or closing "
                "deletes them.",
            )
        )

    st.caption(f":material/health_and_safety: **{tr(INTENDED_USE)}**")
    try:
        page.run()
    except MedDefError as error:  # a page handles what it can go on without; the rest is still one sentence
        st.error(tr(str(error)), icon=":material/error:")
    history_panel()
    libraries_set_apart()
    decoder_warmed()


def with_class(now: Settings, secrets: dict[str, Any] | None) -> App:
    """The application of a server that a class can connect to; the process ends with one sentence where it cannot."""
    from dashboard.admission import Admission
    from dashboard.classroom.opened import open_classroom
    from dashboard.classroom.web.alone import alone_routes
    from dashboard.classroom.web.routes import gate, lifespan_of, routes
    from dashboard.server import Door

    try:
        classroom = open_classroom(now)
    except MedDefError as error:
        ended(error)
    doors = [Middleware(Door, now=now), gate(classroom), Middleware(Admission, now=now)]
    everything = [*routes(classroom), *alone_routes()]
    return App(__file__, lifespan=lifespan_of(classroom), secrets=secrets, routes=everything, middleware=doors)


if __name__ == "__main__":
    checked_settings()
    main()
else:
    from dashboard.admission import Admission
    from dashboard.classroom.web.alone import alone_routes
    from dashboard.lifespan import lifespan
    from dashboard.server import Door

    now, secrets = checked_settings()
    if now.classroom:
        app = with_class(now, secrets)
    else:
        guards = [Middleware(Door, now=now), Middleware(Admission, now=now)]
        app = App(__file__, lifespan=lifespan, secrets=secrets, routes=alone_routes(), middleware=guards)
