"""A row of buttons that keep what the page shows: a picture, a record, a page."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from dashboard.language import tr
from dashboard.services import exports
from dashboard.services.exports import Kept, ScanNote
from dashboard.session import history
from dashboard.session.history import Entry, Found
from dashboard.session.state import Chosen

MakeFile = Callable[[Sequence[Kept], Found, ScanNote], bytes]

FILES: tuple[tuple[str, str, str, str, MakeFile], ...] = (
    ("Picture (PNG)", "png", "image/png", ":material/image:", exports.png_file),
    ("Record (JSON)", "json", "application/json", ":material/data_object:", exports.json_file),
    ("Page (PDF)", "pdf", "application/pdf", ":material/picture_as_pdf:", exports.pdf_file),
)
"""Label, suffix, type, icon and what makes the bytes."""


def export_buttons(found: Found, chosen: Chosen, *, key: str) -> None:
    """Enter what is shown into the session's history and offer it as files, made only when their button is pressed."""
    entry = history.remember(chosen, found)
    name = file_name(entry, kind=key)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{tr('Export')}**", width="content")
        for label, suffix, mime, icon, make in FILES:
            st.download_button(
                tr(label),
                partial(make, entry.kept, entry.found, entry.note),
                file_name=f"{name}.{suffix}",
                mime=mime,
                key=f"export_{key}_{suffix}",
                icon=icon,
                on_click="ignore",
            )
    st.caption(
        tr(
            "Files of scan {id}. Picture and page show the scan; the record holds its fingerprint only, and `meddef "
            "replay` computes its numbers again. Each says that it is for research and teaching only.",
            id=chosen.short_id,
        )
    )


def file_name(entry: Entry, *, kind: str) -> str:
    """ "meddef-3FA-91C-attack-oct-20260102-140259": what a file is called by default, without its suffix."""
    chosen = entry.chosen
    return f"meddef-{chosen.short_id}-{kind}-{chosen.task}-{entry.created:%Y%m%d-%H%M%S}"
