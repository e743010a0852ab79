"""Scans of the PACS, where this server has one: find a study, see what is in it, fetch one picture or volume.

Every call waits for the PACS in the session that makes it, and holds no lock and no place in the queue meanwhile: a
slow PACS keeps nobody else waiting. Server and credentials are those of the settings; a page never sees them.
"""

from dataclasses import dataclass
from datetime import date

import streamlit as st

from dashboard.services.visitor import has_left
from meddef_core.pacs import client
from meddef_core.pacs.client import open_pacs
from meddef_core.pacs.errors import AbsentError
from meddef_core.pacs.found import Series, Study
from meddef_core.scans.scan import digest_of
from meddef_core.text import Text

__all__ = [
    "MOST",
    "Listing",
    "Series",
    "Study",
    "configured",
    "fetch",
    "find",
    "forget",
    "is_from_there",
    "keep",
    "kept",
    "problem",
    "show",
]

MOST = 50
"""Studies that one list shows."""

NO_PICTURES = frozenset(("SR", "PR", "KO", "DOC", "SEG", "AU", "ECG"))
"""Modalities of objects that hold no picture of a patient."""


@dataclass(frozen=True)
class Listing:
    """What a session has found: `studies`, and of the one that is open the `series` with pictures."""

    studies: tuple[Study, ...]
    opened: str = ""
    series: tuple[Series, ...] = ()


def configured() -> bool:
    """Whether there is a PACS to ask."""
    return client.configured()


def find(*, since: date | None, until: date | None, modality: str, patient_id: str) -> Listing:
    """Studies that match everything given, the newest first; raises PacsError."""
    ends = ["" if day is None else f"{day:%Y%m%d}" for day in (since, until)]
    dates = "-".join(ends) if any(ends) else ""
    found = open_pacs().studies(date=dates, modality=modality, patient_id=patient_id.strip(), most=MOST)
    return Listing(tuple(sorted(found, key=lambda study: (study.date, study.time), reverse=True)))


def show(listing: Listing, study: str) -> Listing:
    """The list with a study opened; raises PacsError."""
    series = sorted(open_pacs().series(study), key=lambda each: (each.number or 0, each.uid))
    return Listing(listing.studies, study, tuple(each for each in series if each.modality not in NO_PICTURES))


def fetch(series: Series, number: int) -> bytes:
    """The file of the picture with that place in its series, from 1; raises PacsError or ScanError.

    CancelledError where the session has left.
    """
    pacs = open_pacs()
    instances = pacs.instances(series.study, series.uid)
    if not 1 <= number <= len(instances):
        raise AbsentError(
            Text("pacs.series-holds", "The series holds {n} pictures now; find the study again.", n=len(instances))
        )
    data = pacs.scan(instances[number - 1], cancelled=has_left)
    st.session_state["pacs_digest"] = digest_of(data)
    return data


# ---- what this session found ---------------------------------------------------------------------------------------


def kept() -> Listing | None:
    """What was found last."""
    return st.session_state.get("pacs_listing")


def problem() -> str | None:
    """Why nothing was found, in one sentence."""
    return st.session_state.get("pacs_problem")


def keep(listing: Listing | None, *, problem: str | None = None) -> None:
    """Remember what was found, or the `problem` in its place."""
    st.session_state.update(pacs_listing=listing, pacs_problem=problem)


def is_from_there(digest: str) -> bool:
    """Whether the file with that digest is the one that was fetched last."""
    return st.session_state.get("pacs_digest") == digest


def forget() -> None:
    """What was found and where the last file came from."""
    for key in ("pacs_listing", "pacs_problem", "pacs_digest"):
        st.session_state.pop(key, None)
