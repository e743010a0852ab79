"""The volume of this session: its files, the slice that all pages work on, and what models said of every slice."""

from collections.abc import Sequence

import streamlit as st

from dashboard.language import tr
from dashboard.services import volumes
from dashboard.services.errors import MedDefError
from dashboard.services.scans import Volume
from dashboard.services.volumes import VolumeReading
from dashboard.session import source, state

FOUND, PROBLEM, CANCELLED = "volume_found", "volume_problem", "volume_cancelled"

MOST_FOUND = 3
"""Models whose predictions of every slice are kept."""

TRIED = 7
"""Slices that are tried when a volume is opened, from its middle on."""


def opened() -> Volume | None:
    """The volume that the chosen scan is a slice of."""
    chosen = state.chosen()
    held: Volume | None = st.session_state.get(state.VOLUME)
    if held is None or chosen is None or chosen.number is None:
        return None
    return held


def open_files(files: Sequence[tuple[str, bytes]]) -> None:
    """Read files, as (name, bytes), into a volume and choose a slice of it, or a single scan; raises MedDefError."""
    volume = volumes.open_volume(files)
    forget_found()
    if len(volume) == 1:
        state.choose_upload(volume.bytes_of(1))
        return
    middle = (len(volume) + 1) // 2
    nearest = sorted(range(1, len(volume) + 1), key=lambda number: abs(number - middle))[:TRIED]
    for place, number in enumerate(nearest, start=1):
        try:
            _take(volume, number)
            return
        except MedDefError:
            if place == len(nearest):
                raise


def choose(number: int) -> None:
    """Make another slice the chosen scan; where it cannot be read, the present one stays and the page says why."""
    volume = opened()
    st.session_state.pop(PROBLEM, None)
    if volume is None or number == chosen_number():
        return
    try:
        _take(volume, number)
    except MedDefError as error:
        st.session_state[PROBLEM] = tr(
            "volume.slice-n", "Slice {n} cannot be shown. {why}", n=number, why=tr(str(error))
        )


def _take(volume: Volume, number: int) -> None:
    scan = volumes.read_slice(volume, number)
    st.session_state[state.VOLUME] = volume
    title = tr("volume.uploaded-scan", "Uploaded scan, slice {n}", n=number)
    state.choose_read(volume.bytes_of(number), scan, title=title, frame=volume.place(number).frame, number=number)


def can_reopen() -> bool:
    """Whether the chosen scan is a slice whose volume was let go and whose file is still kept."""
    chosen = state.chosen()
    if opened() is not None or chosen is None or chosen.number is None:
        return False
    kept = source.of(chosen.scan)
    return kept is not None and kept.frames > 1


def reopen() -> None:
    """Read the volume of the chosen slice again, and go to that slice."""
    chosen = state.chosen()
    kept = None if chosen is None else source.of(chosen.scan)
    if chosen is None or kept is None:
        return
    try:
        open_files([("volume", kept.data)])
    except MedDefError as error:
        state.refuse(str(error))
        return
    choose(chosen.number or 1)


def chosen_number() -> int | None:
    """Number of the chosen slice, from 1."""
    chosen = state.chosen()
    return None if chosen is None else chosen.number


def problem() -> str | None:
    """Why the slice last asked for is not shown."""
    return st.session_state.get(PROBLEM)


# ---- what models said --------------------------------------------------------------------------------------------


def found(model_id: str, volume: Volume) -> VolumeReading | None:
    """What a model said of every slice of this volume, where it was asked."""
    kept: tuple[VolumeReading, ...] = st.session_state.get(FOUND, ())
    return next((each for each in kept if each.model.id == model_id and each.volume is volume), None)


def keep(reading: VolumeReading) -> None:
    """Remember it, the newest first."""
    kept: tuple[VolumeReading, ...] = st.session_state.get(FOUND, ())
    st.session_state[FOUND] = (reading, *(each for each in kept if each.model.id != reading.model.id))[:MOST_FOUND]


def cancel() -> None:
    """The reader pressed Cancel; the script that predicts is already stopping."""
    st.session_state[CANCELLED] = True


def resume() -> None:
    """The reader wants the slices predicted after all."""
    st.session_state.pop(CANCELLED, None)


def cancelled() -> bool:
    """Whether the reader stopped the prediction of this volume."""
    return bool(st.session_state.get(CANCELLED, False))


def forget_found() -> None:
    """What was said of the volume before goes."""
    for key in (FOUND, PROBLEM, CANCELLED):
        st.session_state.pop(key, None)
