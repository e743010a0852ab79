"""The link to what a page shows: its parameters read from the browser's address, written there, and as a whole address.

Not `bind="query-params"`: that drops a value which it cannot use without a word, and one that equals its default, so
that such a link would show something else as soon as a default changes.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st

from dashboard.language import KEY as LANGUAGE
from dashboard.language import language
from dashboard.services.words import exact_eps


def asked(names: Sequence[str]) -> dict[str, str]:
    """What the browser's address says of these parameters."""
    return {name: st.query_params[name] for name in names if name in st.query_params}


def write(names: Sequence[str], wanted: Mapping[str, str]) -> None:
    """Put what is wanted into the browser's address, and take out what of `names` is not."""
    for name in names:
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]


def address(wanted: Mapping[str, str], *, page: str) -> str:
    """The whole address, in the reader's language; `page` stands in where the browser's own is not known."""
    base = str(st.context.url or "").partition("?")[0] or f"/{page}"
    words = {} if language() == "en" else {LANGUAGE: language()}
    return f"{base}?{urlencode({**wanted, **words}, safe='/,')}"


def written(value: object) -> str:
    """A setting as a link holds it: epsilons in grey levels where they are whole, names with commas between them."""
    if isinstance(value, float):
        return exact_eps(value)
    return ",".join(value) if isinstance(value, list | tuple) else str(value)
