"""What this session has read and attacked, newest first: bounded in number and memory, gone with the session."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.services import audit, exports
from dashboard.services.audit import Action
from dashboard.services.exports import ExportedModel, ScanNote
from dashboard.services.results.common import LabResult, Picture, Reading
from dashboard.session import source, state
from dashboard.session.source import UploadSource
from dashboard.session.state import Chosen

MOST = 20
"""Entries of a session."""

MOST_BYTES = 32_000_000
"""Of all scans, pictures and steps that entries hold together; ten busy sessions stay far below the server's memory."""

MOST_FILE_BYTES = 32_000_000
"""Of all files that entries keep so that frame and window can still be chosen; older ones are let go first."""

THUMBNAIL = 64
"""Side of an entry's picture in pixels."""

Found = Reading | LabResult


@dataclass(frozen=True, eq=False)
class HistoryEntry:
    """One reading or attack with what it was made from. `created` is UTC; `key` tells repeats.

    `file` is what the scan was read from, where it holds other frames or windows and there is room for it.
    """

    key: str
    created: datetime
    chosen: Chosen
    found: Found
    kept: tuple[ExportedModel, ...]
    note: ScanNote
    thumbnail: NDArray[np.uint8]
    file: UploadSource | None = None


def entries() -> tuple[HistoryEntry, ...]:
    """This session's entries, newest first."""
    found: tuple[HistoryEntry, ...] = st.session_state.get("history", ())
    return found


def remember(chosen: Chosen, found: Found) -> HistoryEntry:
    """The entry of what a page shows: the one it has already, or a new one at the front.

    What was deleted while a page shows it is not listed again by the page's next run, but when it is shown anew.
    """
    key = st.session_state["history_shown"] = _key(chosen, found)
    aside: HistoryEntry | None = st.session_state.get("history_aside")
    for held in (*entries(), *([aside] if aside else [])):
        if held.key == key and (isinstance(found, Reading) or held.found is found):
            return held
    st.session_state.pop("history_aside", None)
    entry = _entry(key, chosen, found)
    for each in entry.kept:
        action: Action = "predict" if isinstance(found, Reading) else "attack"
        audit.note(action, model=each.record.model.key, record=each.record)
    _store((entry, *(held for held in entries() if held.key != key)))
    return entry


def delete(key: str) -> None:
    """Drop one entry; the one on the page is set aside until the page shows another."""
    for entry in entries():
        if entry.key == key == st.session_state.get("history_shown"):
            st.session_state["history_aside"] = entry
    _store(tuple(entry for entry in entries() if entry.key != key))


def restore(key: str) -> None:
    """Make an entry's scan, and its attack or its model, those that the pages show."""
    for entry in entries():
        if entry.key == key:
            attack = entry.found if isinstance(entry.found, LabResult) else None
            state.take_back(entry.chosen, attack, file=entry.file)
            if isinstance(entry.found, Reading):
                st.session_state[f"diagnose_model_{entry.chosen.task}"] = entry.found.model.id


def _store(held: tuple[HistoryEntry, ...]) -> None:
    """Keep the newest: the first always, the others while there is room, and files where there is room for them."""
    kept: list[HistoryEntry] = []
    files: dict[int, int] = {}
    for entry in held[:MOST]:
        if entry.file is not None:
            files[id(entry.file)] = len(entry.file.data)
            if sum(files.values()) > MOST_FILE_BYTES:
                del files[id(entry.file)]
                entry = replace(entry, file=None)
        if kept and weight((*kept, entry)) > MOST_BYTES:
            break
        kept.append(entry)
    st.session_state["history"] = tuple(kept)


def weight(held: tuple[HistoryEntry, ...]) -> int:
    """Bytes of the arrays that entries hold; one that several share counts once."""
    return sum({id(array): array.nbytes for entry in held for array in _arrays(entry)}.values())


def _arrays(value: Any) -> Iterator[NDArray[Any]]:
    if isinstance(value, np.ndarray):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _arrays(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _arrays(item)


def _key(chosen: Chosen, found: Found) -> str:
    """Equal where one would replace the other: an attack that follows a slider leaves one entry, not a hundred."""
    if isinstance(found, Reading):
        return f"reading {chosen.task} {chosen.fingerprint} {found.model.id}"
    models = ",".join(outcome.clean.model.id for outcome in found.outcomes)
    what = found.option.key if found.option.live else f"{found.spec} {found.source.id if found.source else ''}"
    return f"attack {chosen.task} {chosen.fingerprint} {models} {what}"


def _entry(key: str, chosen: Chosen, found: Found) -> HistoryEntry:
    title = f"{chosen.title} (drawn, not a patient)" if chosen.synthetic else chosen.title
    note = ScanNote(
        title=f"{title} · scan {chosen.short_id}, read {chosen.read:%Y-%m-%d %H:%M} UTC",
        truth=chosen.truth,
        digest=chosen.scan.digest,
        short_id=chosen.short_id,
        sample=chosen.sample,
        frame=chosen.frame,
        window=chosen.window,
    )
    return HistoryEntry(
        key=key,
        created=datetime.now(UTC),
        chosen=chosen,
        found=found,
        kept=exports.records(found, note),
        note=note,
        thumbnail=_thumbnail(found.picture if isinstance(found, Reading) else found.outcomes[0].clean.picture),
        file=source.of(chosen.scan),
    )


def _thumbnail(picture: Picture) -> NDArray[np.uint8]:
    small = cv2.resize(picture, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(small * 255.0), 0, 255).astype(np.uint8)
