"""What is known of the chosen scan: its id, origin, privacy and warnings, and what a model sees of it."""

import streamlit as st

from dashboard.language import tr
from dashboard.services import pacs
from dashboard.services.results.common import Picture
from dashboard.session import state, uploads
from dashboard.session.state import UPLOADED, Chosen


def model_view_card(picture: Picture, chosen: Chosen) -> None:
    """The 224 x 224 picture that preprocessing hands to the model."""
    st.markdown(f"**{tr('diagnose.what-model', 'What the model saw')}**")
    st.image(
        picture,
        width="stretch",
        clamp=True,
        alt=tr("diagnose.scan-after", "The scan after preprocessing, 224 by 224 pixels"),
    )
    prepared = tr("diagnose.after-preprocessing", "After preprocessing: 224 × 224 pixels, grey")
    st.caption(f"{chosen.short_id} · {prepared}")


def origin_line(chosen: Chosen) -> None:
    """Title, id and origin in one line; a synthetic scan says so first."""
    # As wide as it is: where a title leaves it less, it stands below, and no badge is cut off.
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.markdown(f"**{title_of(chosen)}**", width="content")
        st.badge(id_words(chosen), icon=":material/tag:", color="grey")
        if chosen.synthetic:
            st.badge(
                tr("diagnose.synthetic-drawn", "Synthetic: drawn, not a patient"),
                icon=":material/draw:",
                color="orange",
            )
        else:
            origin = tr("pacs.pacs", "the PACS") if pacs.is_from_there(chosen.scan.digest) else tr(chosen.origin)
            st.badge(
                tr("diagnose.origin-origin", "Origin: {origin}", origin=origin), icon=":material/image:", color="grey"
            )
        if chosen.scan.container == "DICOM" or chosen.origin == UPLOADED:
            st.badge(_privacy_words(chosen), icon=":material/shield_person:", color="green")


def scan_warnings(chosen: Chosen) -> None:
    """What reading the file assumed or changed."""
    if chosen.synthetic:  # its badge says it already
        return
    for sentence in chosen.scan.warnings:
        st.warning(tr(sentence), icon=":material/warning:")


def _privacy_words(chosen: Chosen) -> str:
    if chosen.scan.container == "DICOM":
        return tr("diagnose.removed-n", "Removed {n} identifying elements", n=chosen.scan.removed)
    return tr("diagnose.file-name", "File name not kept")


def title_of(chosen: Chosen) -> str:
    """What the scan is called; a frame of an upload by its number."""
    if chosen.number is not None:
        return tr("volume.uploaded-scan", "Uploaded scan, slice {n}", n=chosen.number)
    if chosen.origin == UPLOADED and chosen.frame is not None:
        return tr("diagnose.uploaded-scan", "Uploaded scan, frame {frame}", frame=chosen.frame)
    return tr(chosen.title)


def id_words(chosen: Chosen) -> str:
    """ "3FA-91C, read 14:02 UTC": by which a person tells this scan from any other."""
    return tr("diagnose.id-read", "{id}, read {time} UTC", id=chosen.short_id, time=f"{chosen.read:%H:%M}")


def refused_line() -> None:
    """Why the last scan asked for is not shown; nothing where it is."""
    problem = state.problem()
    if problem is not None:
        st.error(tr(problem), icon=":material/block:")
    if uploads.waiting() is not None:
        _try_again()


@st.fragment(run_every=uploads.AGAIN)
def _try_again() -> None:
    st.caption(tr("diagnose.file-tried", "The file is tried again by itself every few seconds."))
    if uploads.try_again():
        st.rerun()


def no_scan() -> None:
    """Stands on a page that works on the chosen scan when there is none: why, and where to choose one."""
    refused_line()
    st.info(tr("lab.no-scan", "No scan is chosen yet."), icon=":material/touch_app:")
    st.page_link(
        "dashboard/views/diagnose/page.py", label=tr("lab.choose-scan", "Choose a scan"), icon=":material/radiology:"
    )
