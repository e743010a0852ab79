"""A row of buttons that keep what the page shows: a picture, a record, a page."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from dashboard.language import tr
from dashboard.services import audit, exports
from dashboard.services.exports import ExportedModel, ScanNote
from dashboard.services.words import Text
from dashboard.session import history
from dashboard.session.history import Found, HistoryEntry
from dashboard.session.state import Chosen

MakeFile = Callable[[Sequence[ExportedModel], Found, ScanNote], bytes]

FILES: tuple[tuple[str, str, str, str, MakeFile], ...] = (
    (Text("out.picture-png", "Picture (PNG)"), "png", "image/png", ":material/image:", exports.png_file),
    (Text("out.record-json", "Record (JSON)"), "json", "application/json", ":material/data_object:", exports.json_file),
    (Text("out.page-pdf", "Page (PDF)"), "pdf", "application/pdf", ":material/picture_as_pdf:", exports.pdf_file),
)
"""Label, suffix, type, icon and what makes the bytes."""


def export_buttons(found: Found, chosen: Chosen, *, key: str) -> None:
    """Enter what is shown into the session's history and offer it as files, made only when their button is pressed."""
    entry = history.remember(chosen, found)
    name = file_name(entry, kind=key)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{tr('out.export', 'Export')}**", width="content")
        for label, suffix, mime, icon, make in FILES:
            st.download_button(
                tr(label),
                partial(_noted, make, entry, by=audit.who()),
                file_name=f"{name}.{suffix}",
                mime=mime,
                key=f"export_{key}_{suffix}",
                icon=icon,
                on_click="ignore",
            )
    st.caption(
        tr(
            "out.files-scan",
            "Files of scan {id}. Picture and page show the scan; the record holds its fingerprint only, and `meddef "
            "replay` computes its numbers again. Each says that it is for research and teaching only.",
            id=chosen.short_id,
        )
    )


def _noted(make: MakeFile, entry: HistoryEntry, *, by: str) -> bytes:
    """The bytes of a file, entered into the audit log before anybody has them."""
    for each in entry.kept:
        audit.note("export", model=each.record.model.key, record=each.record, by=by)
    return make(entry.kept, entry.found, entry.note)


def file_name(entry: HistoryEntry, *, kind: str) -> str:
    """ "meddef-3FA-91C-attack-oct-20260102-140259": what a file is called by default, without its suffix."""
    chosen = entry.chosen
    return f"meddef-{chosen.short_id}-{kind}-{chosen.task}-{entry.created:%Y%m%d-%H%M%S}"
