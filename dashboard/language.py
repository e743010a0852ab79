"""The words of the pages, in English and Chinese.

English sentences are the keys: pages read as they look, `tr("Choose a scan")`, and every YAML file of
`assets/locale/<language>/` maps such sentences to that language. A test finds those that are missing.
"""

from functools import cache

import streamlit as st
import yaml
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.services.places import assets

LOCALES = assets("locale")

LANGUAGES = {"en": "English", "zh": "中文"}
"""Code to the name that its readers know."""

OUTSIDE = "en"
"""Language of code that runs in no session."""

KEY = "lang"
"""Key of the picker in the session, and its name in a link."""


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every English sentence in that language; empty for English itself."""
    sentences: dict[str, str] = {}
    for path in sorted((LOCALES / language).glob("*.yaml")):
        sentences |= yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return sentences


def language() -> str:
    """Code of the language this session reads."""
    chosen = st.session_state.get(KEY, "en") if get_script_run_ctx() else OUTSIDE
    return chosen if chosen in LANGUAGES else "en"


def tr(sentence: str, /, **values: object) -> str:
    """A sentence in the session's language, its `{places}` filled; English where there is no other."""
    words = catalogue(language()).get(sentence, sentence)
    return words.format(**values) if values else words


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
