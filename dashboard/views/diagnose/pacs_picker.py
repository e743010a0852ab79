"""Choosing a scan in the PACS: a search, the studies it finds, the series of one, and a press that reads a scan."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard.language import tr
from dashboard.services import pacs
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.pacs import Listing, Series, Study
from dashboard.session import state, uploads


def pacs_picker() -> None:
    """Nothing where this server has no PACS."""
    if not pacs.configured():
        return
    with st.expander(
        tr("pacs.from-pacs", "From the PACS"),
        icon=":material/lan:",
        expanded=pacs.kept() is not None or pacs.problem() is not None,
    ):
        _search()
        problem, listing = pacs.problem(), pacs.kept()
        if problem is not None:
            st.error(tr(problem), icon=":material/error:")
        elif listing is not None:
            _studies(listing)


def _search() -> None:
    """Fields that are empty match everything."""
    turn = st.session_state.get("uploads", 0)  # a new one after "Clear everything", so that no patient ID stays
    modalities = sorted({name for task in services.tasks().values() for name in task.population.modalities})
    with st.form("pacs_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        since = st.date_input(tr("pacs.study-from", "Study from"), None, key=f"pacs_since_{turn}", width=150)
        until = st.date_input(tr("pacs.to", "to"), None, key=f"pacs_until_{turn}", width=150)
        modality = st.selectbox(
            tr("pacs.modality", "Modality"),
            modalities,
            None,
            key=f"pacs_modality_{turn}",
            width=150,
            placeholder=tr("pacs.any", "Any"),
        )
        patient = st.text_input(
            tr("pacs.patient-id", "Patient ID"), key=f"pacs_patient_{turn}", max_chars=64, width=180
        )
        pressed = st.form_submit_button(tr("pacs.find", "Find"), key="pacs_find", icon=":material/search:")
    if pressed:
        with st.spinner(tr("pacs.asking-pacs", "Asking the PACS…")):
            _ask(partial(pacs.find, since=since, until=until, modality=modality or "", patient_id=patient))


def _ask(question: Callable[[], Listing]) -> None:
    try:
        pacs.keep(question())
    except MedDefError as error:
        pacs.keep(None, problem=str(error))
    st.rerun()


def _studies(listing: Listing) -> None:
    if not listing.studies:
        st.info(tr("pacs.no-study", "No study matches. Leave fields empty to find more."), icon=":material/search_off:")
        return
    for study in listing.studies:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(_study_words(study), width="stretch")
            pressed = st.button(
                tr("pacs.series", "Series"),
                key=f"pacs_study_{study.uid}",
                icon=":material/expand_more:",
                disabled=study.uid == listing.opened,
            )
        if pressed:
            with st.spinner(tr("pacs.asking-pacs", "Asking the PACS…")):
                _ask(partial(pacs.show, listing, study.uid))
        if study.uid == listing.opened:
            _series(listing)
    if len(listing.studies) == pacs.MOST:
        st.caption(tr("pacs.n-studies", "{n} studies are listed; search more narrowly to see others.", n=pacs.MOST))


def _series(listing: Listing) -> None:
    with st.container(border=True):
        if not listing.series:
            st.caption(tr("pacs.study-holds", "This study holds no pictures."))
        for series in listing.series:
            _one_series(series)


def _one_series(series: Series) -> None:
    count, number = series.images or 1, 1
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            _words(series.modality, series.body_part, tr("pacs.pictures-n", "pictures: {n}", n=count)), width="stretch"
        )
        if count > 1:
            title = tr("pacs.picture-1", "Picture, 1 to {n}", n=count)
            number = int(st.number_input(title, 1, count, 1, key=f"pacs_number_{series.uid}", width=150))
        pressed = st.button(tr("pacs.read", "Read"), key=f"pacs_read_{series.uid}", icon=":material/download:")
    if pressed:
        with st.spinner(tr("pacs.fetching-scan", "Fetching the scan…")):
            _fetch(series, number)
        st.rerun()


def _fetch(series: Series, number: int) -> None:
    """As an upload: the bytes are read in memory, and a scan that is refused clears what was shown before."""
    try:
        data = pacs.fetch(series, number)
    except MedDefError as error:
        state.refuse(str(error))
        return
    uploads.read_pending(data)


def _study_words(study: Study) -> str:
    patient = tr("pacs.patient-id-2", "patient {id}", id=study.patient_id) if study.patient_id else ""
    objects = "" if study.images is None else tr("pacs.objects-n", "objects: {n}", n=study.images)
    return _words(_date(study) or tr("pacs.no-date", "no date"), ", ".join(study.modalities), patient, objects)


def _words(*parts: str) -> str:
    return " · ".join(_plain(part) for part in parts if part)


def _plain(text: str) -> str:
    """What a PACS sends, not taken for Markdown."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()#+-.!|<>~:$" else sign for sign in text)


def _date(study: Study) -> str:
    day = study.date
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 and day.isdigit() else day
