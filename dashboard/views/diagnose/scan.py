"""The chosen scan as it was read: frame, window and zoom. A window is part of the reading; a zoom is for the eye."""

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.scan_facts import title_of
from dashboard.language import tr
from dashboard.services.scans import WindowRange
from dashboard.session import source, state
from dashboard.session.state import Chosen

SHOWN = 800
"""Longest side of a displayed picture in pixels: a full-size radiograph need not travel to the browser."""

ZOOMS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)

Plane = NDArray[np.float32]


@st.fragment
def original_card(chosen: Chosen) -> None:
    """The scan as it was read, whole or zoomed in."""
    pixels = chosen.scan.pixels
    height, width = pixels.shape
    st.markdown(f"**{tr('The scan, as read')}**")
    place = st.empty()
    zoom = st.select_slider(
        tr("Zoom"), ZOOMS, value=1.0, format_func=lambda factor: f"{factor:g} ×", key="diagnose_zoom"
    )
    centre = (0.5, 0.5)
    if zoom > 1:
        across = st.slider(tr("Left to right, %"), 0, 100, 50, key="diagnose_zoom_across")
        down = st.slider(tr("Top to bottom, %"), 0, 100, 50, key="diagnose_zoom_down")
        centre = (down / 100, across / 100)
    alt = tr("{title}, as it was read", title=title_of(chosen))
    if zoom > 1:
        alt += f", {zoom:g} ×"
    place.image(_shrunk(cut(pixels, zoom=zoom, centre=centre)), width="stretch", clamp=True, alt=alt)
    container = tr("synthetic") if chosen.synthetic else chosen.scan.container
    facts = tr("{width} × {height} pixels · {bits} bit", width=width, height=height, bits=chosen.scan.bits)
    st.caption(f"{chosen.short_id} · {container} · {facts}")


def cut(pixels: Plane, *, zoom: float, centre: tuple[float, float]) -> Plane:
    """The part `1 / zoom` of each side; `centre` runs from 0 (its upper left end) to 1, (row, column)."""
    sides = [max(1, round(length / zoom)) for length in pixels.shape]
    starts = [round(at * (length - side)) for at, length, side in zip(centre, pixels.shape, sides, strict=True)]
    return pixels[starts[0] : starts[0] + sides[0], starts[1] : starts[1] + sides[1]]


def reading_controls(chosen: Chosen) -> None:
    """The window of the file, where it has one to choose. It changes what the models read."""
    kept = source.of(chosen.scan)
    if kept is None:
        if source.has_choices(chosen.scan):
            st.caption(tr("The history had no room for this file: upload it again to choose another frame or window."))
        return
    known = source.windows(kept.digest, chosen.frame, kept.data)
    if known is None:
        return
    with st.expander(tr("Window of this file"), icon=":material/tune:", key="diagnose_window_box"):
        st.caption(
            tr(
                "A window changes the picture itself: the models read what is shown, here and on the other pages, as "
                "with `meddef predict --window`. A window outside the usual can change the model output."
            )
        )
        _window_form(chosen, known)


def _window_form(chosen: Chosen, known: WindowRange) -> None:
    """Sliders for centre and width in the file's own units, presets, and the way back to the file's own window."""
    centre, width = chosen.window or (known.centre, known.width)
    span = known.high - known.low
    step = max(1.0, float(round(span / 500)))
    low, high, widest = float(np.floor(known.low)), float(np.ceil(known.high)), float(np.ceil(max(2 * span, width)))
    here = f"{chosen.scan.digest[:8]}_{chosen.frame}_{centre:g}_{width:g}"  # sliders follow a preset
    with st.form("diagnose_window_form", border=False):
        st.slider(
            tr("Window centre (level)"),
            min(low, centre),
            max(high, centre),
            centre,
            step,
            format="%.0f",
            key=f"diagnose_centre_{here}",
        )
        st.slider(tr("Window width"), 1.0, widest, max(1.0, width), step, format="%.0f", key=f"diagnose_width_{here}")
        st.form_submit_button(
            tr("Read with this window"), key="diagnose_apply_window", on_click=_apply, args=(chosen, here)
        )
    with st.container(horizontal=True):
        for number, (name, at, wide) in enumerate(known.presets):
            st.button(
                tr(name),
                key=f"diagnose_preset_{number}",
                on_click=state.read_again,
                kwargs={"frame": chosen.frame, "window": (at, wide)},
            )
        st.button(
            tr("The file's own"),
            key="diagnose_window_reset",
            icon=":material/restart_alt:",
            disabled=chosen.window is None,
            on_click=state.read_again,
            kwargs={"frame": chosen.frame, "window": None},
        )
    st.caption(
        tr(
            "Values run from {low} to {high}. Now: centre {centre}, width {width}.",
            low=f"{known.low:g}",
            high=f"{known.high:g}",
            centre=f"{centre:g}",
            width=f"{width:g}",
        )
    )


def _apply(chosen: Chosen, here: str) -> None:
    window = (float(st.session_state[f"diagnose_centre_{here}"]), float(st.session_state[f"diagnose_width_{here}"]))
    state.read_again(frame=chosen.frame, window=window)


def _shrunk(pixels: Plane) -> Plane:
    factor = SHOWN / max(pixels.shape)
    if factor >= 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), dtype=np.float32)
