"""What one session holds: the chosen scan and the last laboratory result. Bounded, in memory, cleared at once."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import streamlit as st

from dashboard.language import tr
from dashboard.services import audit
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.forgetting import forget_everything
from dashboard.services.results.common import LabResult
from dashboard.services.scans import Sample, Scan, Volume
from dashboard.services.words import Text
from dashboard.session import batch_state, source
from dashboard.session.source import UploadSource

UPLOADED = Text("diagnose.your-upload", "your upload")
"""Origin of a scan that came as a file."""

VOLUME = "volume"
"""Key of the volume that the chosen scan is a slice of."""

OF_A_VOLUME = (VOLUME, "volume_found", "volume_problem", "volume_cancelled")

LAB_FOUND = "lab_found_"
"""Begins the keys under which the sections of the laboratory keep what they found."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """The scan that all pages work on. `truth` is a class name, if known; `frame` and `window` were asked for.

    `number` is that of a slice in its volume, from 1. `read` is when it was read (UTC): with the scan's short id it
    tells this scan from any other.
    """

    task: str
    title: str
    origin: str
    truth: str | None
    scan: Scan
    fingerprint: str
    sample: str | None = None
    frame: int | None = None
    window: tuple[float, float] | None = None
    number: int | None = None
    read: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def short_id(self) -> str:
        """ "3FA-91C": stands with the scan and with every result of it."""
        return self.scan.short_id

    @property
    def synthetic(self) -> bool:
        """Drawn by a program, not taken of a patient."""
        return self.scan.container == "synthetic"


# ---- the chosen scan ---------------------------------------------------------------------------------------------


def chosen() -> Chosen | None:
    """The scan this session works on; a fresh session starts with the task's first sample."""
    if "chosen" not in st.session_state and not st.session_state.get("cleared", False):
        choose_first_sample()
    return st.session_state.get("chosen")


def task() -> str:
    """Key of the task in view."""
    return str(st.session_state.get("task") or next(iter(services.tasks())))


def change_task() -> None:
    """Follow the task picked by the reader: an upload stays and is read as the other kind, a sample makes way.

    Where nothing is chosen, after a refusal for instance, nothing takes its place.
    """
    held = st.session_state.get("chosen")
    if held is not None and held.origin == UPLOADED:
        _choose(replace(held, task=task()))
    elif held is not None or not st.session_state.get("cleared", False):
        choose_first_sample()


def choose_first_sample() -> None:
    """Take the first sample of the task in view: what a fresh session shows."""
    for sample in services.samples(task())[:1]:
        choose_sample(sample)


def choose_sample(sample: Sample) -> None:
    """Make a sample the chosen scan; one that cannot be read is refused."""
    try:
        scan = sample.load()
    except MedDefError as error:
        refuse(str(error))
        return
    if sample.data is not None:
        source.keep(sample.data(), scan)
    else:
        source.forget()
    _choose(Chosen(sample.task, sample.title, sample.origin, sample.truth, scan, _fingerprint(scan), sample.key))


def choose_upload(data: bytes, *, frame: int | None = None) -> None:
    """Read a file's bytes and make it the chosen scan; raises MedDefError for one to `refuse`."""
    scan = services.read_upload(data, frame=frame)
    title = (
        Text("diagnose.uploaded-scan-2", "Uploaded scan")
        if frame is None
        else tr("app.uploaded-scan", "Uploaded scan, frame {n}", n=frame)
    )
    choose_read(data, scan, title=title, frame=frame)


def choose_read(data: bytes, scan: Scan, *, title: str, frame: int | None, number: int | None = None) -> None:
    """Make a scan that was read from a file's bytes the chosen one; `number` is that of a slice of a volume."""
    source.keep(data, scan)
    _choose(Chosen(task(), title, UPLOADED, None, scan, _fingerprint(scan), frame=frame, number=number))


def read_again(*, frame: int | None, window: tuple[float, float] | None) -> None:
    """Read the chosen file anew, at another frame or window. One that fails is refused."""
    held = st.session_state.get("chosen")
    kept = None if held is None else source.of(held.scan)
    if held is None or kept is None:
        return
    try:
        scan = services.read_upload(kept.data, frame=frame, window=window)
    except MedDefError as error:
        refuse(str(error))
        return
    title = held.title if frame == held.frame else f"Uploaded scan, frame {frame}"
    again = replace(held, title=title, scan=scan, fingerprint=_fingerprint(scan), frame=frame, window=window)
    _choose(replace(again, read=datetime.now(UTC)))


def take_back(scan: Chosen, result: LabResult | None, *, file: UploadSource | None) -> None:
    """Choose a scan of before again, with the attack on it and the file it was read from, if that is still kept.

    Call where no widget of this run is drawn yet.
    """
    st.session_state["task"] = scan.task
    sample = next((each for each in services.samples(scan.task) if each.key == scan.sample), None)
    if file is not None:
        source.take_back(file)
    elif sample is not None and sample.data is not None:
        source.keep(sample.data(), scan.scan)
    _choose(scan)
    if result is not None:
        keep_lab_result(result)


def _choose(scan: Chosen) -> None:
    st.session_state["chosen"] = scan
    volume: Volume | None = st.session_state.get(VOLUME)
    if volume is not None and (scan.number is None or not volume.holds(scan.scan.digest, scan.frame)):
        _forget_volume()
    for key in ("problem", "waiting", "lab_note"):
        st.session_state.pop(key, None)


def _forget_volume() -> None:
    for key in OF_A_VOLUME:
        st.session_state.pop(key, None)


def refuse(sentence: str) -> None:
    """Nothing is chosen any more, and every page says why.

    Whatever was shown of the scan before goes: it must not be taken for the one that was refused.
    """
    for key in ("chosen", "waiting", "history_shown", "attention_cancelled"):
        st.session_state.pop(key, None)
    _forget_volume()
    forget_lab()
    source.forget()
    st.session_state["cleared"] = True
    st.session_state["problem"] = sentence


def problem() -> str | None:
    """Why the last scan asked for was refused."""
    return st.session_state.get("problem")


def _fingerprint(scan: Scan) -> str:
    """Names all that models judge a scan by, not the file: frames of one file differ, and so do headers."""
    judged = repr((sorted(scan.tags.items()), scan.age_group, scan.row_mm)).encode()
    digest = hashlib.sha256(judged)
    digest.update(np.ascontiguousarray(scan.pixels).data)  # not copied: 50 megapixels have 200 MB
    return digest.hexdigest()


# ---- a scan from which a model abstains --------------------------------------------------------------------------


def use_anyway(scan: Chosen) -> None:
    """The reader wants attacks and maps of this scan although a model abstains from it."""
    st.session_state["anyway"] = {*st.session_state.get("anyway", ()), (scan.task, scan.fingerprint)}


def used_anyway(scan: Chosen) -> bool:
    """Whether the reader said so of this scan."""
    return (scan.task, scan.fingerprint) in st.session_state.get("anyway", ())


# ---- laboratory --------------------------------------------------------------------------------------------------


def lab_result() -> LabResult | None:
    """The last attack of this session."""
    return st.session_state.get("lab_result")


def keep_lab_result(result: LabResult) -> None:
    """Remember one result: the newest. Nothing else is to be said of the attack then."""
    st.session_state["lab_result"] = result
    st.session_state.pop("lab_note", None)


def lab_asked() -> str | None:
    """What the form asked for when it was last followed."""
    return st.session_state.get("lab_asked")


def forget_lab(*, asked: str | None = None) -> None:
    """A new attack begins: the last result and what was said of it go. `asked` names what it was asked for."""
    st.session_state["lab_asked"] = asked
    st.session_state.pop("lab_result", None)
    st.session_state.pop("lab_note", None)
    _forget_found()


def _forget_found() -> None:
    """What the sections of the laboratory found when their buttons were pressed."""
    for key in [str(key) for key in st.session_state if str(key).startswith(LAB_FOUND)]:
        del st.session_state[key]


def lab_note() -> str | None:
    """What to say about the last attack instead of a result."""
    return st.session_state.get("lab_note")


def note_interrupted() -> None:
    """An attack begins; if this script does not come to its end, a setting was changed or the page left."""
    st.session_state["lab_note"] = Text(
        "lab.attack-stopped", "The attack was stopped: a setting was changed, or the page was left. Run it again."
    )


def note_cancelled() -> None:
    """The reader pressed Cancel; the script that ran the attack is already stopping."""
    st.session_state["lab_note"] = Text("app.attack-cancelled", "Attack cancelled. Nothing of it was kept.")


# ---- forgetting --------------------------------------------------------------------------------------------------


def clear_everything() -> None:
    """Forget the scan, its readings, maps and attacks, and start over with nothing chosen.

    How the reader set the page stays: the browser would go on showing settings that the server forgot.
    """
    audit.note("clear")
    history = ("history", "history_aside", "history_open", "history_shown", "diagnose_maps_of")
    for key in (*history, "chosen", "problem", "waiting", "anyway", "attention_cancelled"):
        st.session_state.pop(key, None)
    _forget_volume()
    forget_lab()
    for key in ("teach_place", "teach_quiz_round", "teach_quiz_answers"):
        st.session_state.pop(key, None)
    batch_state.forget()
    source.forget()
    source.windows.clear()
    forget_everything()
    st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1
    st.session_state["cleared"] = True
