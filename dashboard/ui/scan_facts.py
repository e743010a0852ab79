"""What is known of the chosen scan: its picture, origin, file facts, privacy and warnings."""

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.results import Picture
from dashboard.state import UPLOADED, Chosen

SHOWN = 800
"""Longest side of a displayed original in pixels: a full-size radiograph need not travel to the browser."""


def original_card(chosen: Chosen) -> None:
    """The scan as it was read."""
    height, width = chosen.scan.size
    st.markdown("**The scan, as read**")
    st.image(_shrunk(chosen.scan.pixels), width="stretch", clamp=True, alt=f"{chosen.title}, as it was read")
    st.caption(f"{chosen.scan.container} · {width} × {height} pixels · {chosen.scan.bits} bit")


def model_view_card(picture: Picture) -> None:
    """The 224 x 224 picture that preprocessing hands to the model."""
    st.markdown("**What the model saw**")
    st.image(picture, width="stretch", clamp=True, alt="The scan after preprocessing, 224 by 224 pixels")
    st.caption("After preprocessing: 224 × 224 pixels, grey")


def origin_line(chosen: Chosen) -> None:
    """Title and origin in one line; a synthetic scan says so first."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{chosen.title}**", width="content")
        if chosen.synthetic:
            st.badge("Synthetic: drawn, not a patient", icon=":material/draw:", color="orange")
        else:
            st.badge(f"Origin: {chosen.origin}", icon=":material/image:", color="grey")
        if chosen.scan.container == "DICOM" or chosen.origin == UPLOADED:
            st.badge(_privacy_words(chosen), icon=":material/shield_person:", color="green")


def scan_warnings(chosen: Chosen) -> None:
    """What reading the file assumed or changed."""
    if chosen.synthetic:  # its badge says it already
        return
    for sentence in chosen.scan.warnings:
        st.warning(sentence, icon=":material/warning:")


def _privacy_words(chosen: Chosen) -> str:
    if chosen.scan.container == "DICOM":
        return f"Removed {chosen.scan.removed} identifying elements"
    return "File name not kept"


def _shrunk(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    factor = SHOWN / max(pixels.shape)
    if factor >= 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), dtype=np.float32)
