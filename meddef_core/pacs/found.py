"""What a search (QIDO-RS) tells of studies, series and instances: plain values, each checked before it is believed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+")
"""Devices write zeros before numbers, which the standard forbids; no harm comes of them."""

_LONGEST_UID = 64

LONGEST = 64
"""Characters of a short text that are kept (as many as VR LO has)."""

Document = Mapping[str, Any]
"""One object of DICOM JSON (PS3.18 annex F): elements by tag."""


def is_uid(value: str) -> bool:
    """Whether a value is a UID (PS3.5 section 9), and so safe in an address and in the name of a file."""
    return len(value) <= _LONGEST_UID and _UID.fullmatch(value) is not None


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study of a list. `images` counts its instances of all kinds; None where the server does not say."""

    uid: str
    date: str
    """YYYYMMDD, or empty."""
    time: str
    modalities: tuple[str, ...]
    patient_id: str
    series: int | None
    images: int | None


@dataclass(frozen=True, kw_only=True)
class Series:
    """One series of a study."""

    study: str
    uid: str
    number: int | None
    modality: str
    body_part: str
    images: int | None


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One object of a series: a film, a volume, or something that is no image."""

    study: str
    series: str
    uid: str
    sop_class: str
    number: int | None
    frames: int
    rows: int | None
    columns: int | None


def study_of(document: Document) -> Study | None:
    """A study as the server lists it; None for an entry without a UID."""
    uid = text(document, "0020000D")
    if not is_uid(uid):
        return None
    return Study(
        uid=uid,
        date=text(document, "00080020"),
        time=text(document, "00080030"),
        modalities=texts(document, "00080061"),
        patient_id=text(document, "00100020"),
        series=number(document, "00201206"),
        images=number(document, "00201208"),
    )


def series_of(document: Document, *, study: str) -> Series | None:
    """A series of the study of that UID; None for an entry without a UID."""
    uid = text(document, "0020000E")
    if not is_uid(uid):
        return None
    return Series(
        study=study,
        uid=uid,
        number=number(document, "00200011"),
        modality=text(document, "00080060"),
        body_part=text(document, "00180015"),
        images=number(document, "00201209"),
    )


def instance_of(document: Document, *, study: str, series: str) -> Instance | None:
    """An instance of that series; None for an entry without a UID. `series` "" takes the one that is told."""
    uid, within = text(document, "00080018"), series or text(document, "0020000E")
    if not is_uid(uid) or not is_uid(within):
        return None
    return Instance(
        study=study,
        series=within,
        uid=uid,
        sop_class=text(document, "00080016"),
        number=number(document, "00200013"),
        frames=number(document, "00280008") or 1,
        rows=number(document, "00280010"),
        columns=number(document, "00280011"),
    )


def texts(document: Document, tag: str) -> tuple[str, ...]:
    """The values of an element as short texts on one line; those of a name are left out, as they are objects."""
    element = document.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    if not isinstance(values, Sequence) or isinstance(values, str):
        return ()
    plain = (str(value) for value in values if isinstance(value, str | int | float))
    return tuple(" ".join(value.split())[:LONGEST] for value in plain)


def text(document: Document, tag: str) -> str:
    """The first value of an element as text, "" where there is none."""
    return next(iter(texts(document, tag)), "")


def number(document: Document, tag: str) -> int | None:
    """The first value of an element as a whole number that is not negative, None where it is none."""
    found = text(document, tag)
    return int(found) if found.isascii() and found.isdigit() else None
