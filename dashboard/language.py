"""The words of the pages, in English and Chinese.

A page reads as it looks: `tr("diagnose.choose-scan", "Choose a scan")` is the id of a sentence and its English. The
translation is found by the id (`dashboard.catalogue`). `tr(text)` speaks a `Text`, such as a title or an error.
"""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.catalogue import say

LANGUAGES = {"en": "English", "zh": "中文"}
"""Code to the name that its readers know."""

OUTSIDE = "en"
"""Language of code that runs in no session."""

KEY = "lang"
"""Key of the picker in the session, and its name in a link."""


def language() -> str:
    """Code of the language this session reads."""
    chosen = st.session_state.get(KEY, "en") if get_script_run_ctx() else OUTSIDE
    return chosen if chosen in LANGUAGES else "en"


def tr(text: str, english: str | None = None, /, **values: object) -> str:
    """A sentence in the session's language, its `{places}` filled; English where there is no other.

    Give an id and the English beside it, or a `Text` alone.
    """
    return say(text, english, language=language(), values=values)


def language_picker() -> None:
    """Stands in the sidebar of every page; the page's address names the language by its code.

    Streamlit's own binding to the address would write what the picker shows, and ignore `?lang=zh`.
    """
    if KEY not in st.session_state:
        asked = st.query_params.get(KEY)
        st.session_state[KEY] = asked if asked in LANGUAGES else "en"
    st.segmented_control(
        "Language / 语言",
        list(LANGUAGES),
        format_func=lambda code: LANGUAGES[code],
        key=KEY,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    if language() != "en":
        st.query_params[KEY] = language()
    elif KEY in st.query_params:
        del st.query_params[KEY]
