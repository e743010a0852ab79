"""The window of the chosen file: it is part of the prediction, unlike that of the viewer, which is for the eye."""

import numpy as np
import streamlit as st

from dashboard.language import tr
from dashboard.services.scans import WindowRange
from dashboard.session import source, state
from dashboard.session.state import Chosen


def reading_controls(chosen: Chosen) -> None:
    """The window of the file, where it has one to choose. It changes what the models read."""
    kept = source.of(chosen.scan)
    if kept is None:
        if source.has_choices(chosen.scan):
            st.caption(
                tr(
                    "diagnose.history-had",
                    "The history had no room for this file: upload it again to choose another frame or window.",
                )
            )
        return
    known = source.windows(kept.digest, chosen.frame, kept.data)
    if known is None:
        return
    st.markdown(f"**{tr('diagnose.window-file', 'Window of this file')}**")
    with st.container(key="diagnose_window_box"):
        st.caption(
            tr(
                "diagnose.window-changes",
                "This window changes the image that the models read, here and on the other pages, as with `meddef "
                "predict --window`. The window of the viewer is for the eye only. A window outside the usual can "
                "change the model output.",
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
            tr("diagnose.window-centre", "Window centre (level)"),
            min(low, centre),
            max(high, centre),
            centre,
            step,
            format="%.0f",
            key=f"diagnose_centre_{here}",
        )
        st.slider(
            tr("diagnose.window-width", "Window width"),
            1.0,
            widest,
            max(1.0, width),
            step,
            format="%.0f",
            key=f"diagnose_width_{here}",
        )
        st.form_submit_button(
            tr("diagnose.read-window", "Read with this window"),
            key="diagnose_apply_window",
            on_click=_apply,
            args=(chosen, here),
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
            tr("diagnose.files-own", "The file's own"),
            key="diagnose_window_reset",
            icon=":material/restart_alt:",
            disabled=chosen.window is None,
            on_click=state.read_again,
            kwargs={"frame": chosen.frame, "window": None},
        )
    st.caption(
        tr(
            "diagnose.values-run",
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
