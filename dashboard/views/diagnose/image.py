"""The scan on the viewer: its own grey values, what the model saw of it, and maps over it once they are asked for."""

import numpy as np
import streamlit as st

from dashboard.components.heatmap_panel import map_alt
from dashboard.components.progress import working
from dashboard.components.scan_facts import title_of
from dashboard.components.viewer import Overlay, Slices, ViewerPicture, ViewerSubject, asked, viewer
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services import viewing
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import MapView, ModelChoice, Reading
from dashboard.services.results.viewing import Seen, Values
from dashboard.session import source, state, volumes
from dashboard.session.state import Chosen
from dashboard.views.diagnose.volume_strip import slice_words

KEY = "scan_viewer"

MAPS = "diagnose_maps_of"
"""In the session: the scan whose maps were asked for."""

SPARE, MOST = "22rem", "36rem"
"""Of the screen's height, what the rest of the first screen takes; and the most of the image's."""


def scan_image(chosen: Chosen, model: ModelChoice | None, reading: Reading | None) -> None:
    """The viewer, and below it in words what was read, cropped and resized."""
    values = _values(chosen)
    seen = None if model is None else viewing.seen(model, chosen.fingerprint, chosen.scan)
    views = _maps(chosen, reading)
    viewer(
        _subject(chosen, values, seen=seen, model=model, reading=reading, views=views),
        key=KEY,
        spare=SPARE,
        most=MOST,
        colour_map=str(st.session_state.get("diagnose_colours") or "Cividis"),
        on_slice=_go_to_slice,
        on_map=_ask_for_maps,
        on_window=_read_with_window,
    )
    st.caption(" · ".join(_facts(chosen, values)) + (f". {seen_words(seen)}" if seen is not None else ""))


def _values(chosen: Chosen) -> Values:
    kept = source.of(chosen.scan)
    known = None if kept is None else source.windows(kept.digest, chosen.frame, kept.data)
    data = None if kept is None else kept.data
    return viewing.values(chosen.fingerprint, chosen.frame, chosen.window, chosen.scan, data, known)


def _subject(
    chosen: Chosen,
    values: Values,
    *,
    seen: Seen | None,
    model: ModelChoice | None,
    reading: Reading | None,
    views: tuple[MapView, ...],
) -> ViewerSubject:
    alt = tr("diagnose.title-read", "{title}, as it was read", title=title_of(chosen))
    volume = volumes.opened()
    return ViewerSubject(
        key=f"{chosen.scan.digest} {chosen.frame}" if volume is None else volume.digest,
        pictures=(ViewerPicture(plane=values.plane, name=title_of(chosen), alt=alt),),
        window=values.window,
        presets=values.presets,
        falling=values.falling,
        seen=seen,
        outline=None if seen is None or seen.whole else seen_words(seen),
        row_mm=chosen.scan.row_mm,
        column_mm=None if volume is None else volume.column_mm,
        overlays=_overlays(reading, views),
        slices=None if model is None else _slices(chosen, model),
        rereads=values.in_units,
    )


def _facts(chosen: Chosen, values: Values) -> list[str]:
    height, width = values.plane.shape
    container = tr("diagnose.synthetic", "synthetic") if chosen.synthetic else chosen.scan.container
    facts = tr(
        "diagnose.width-times",
        "{width} × {height} pixels · {bits} bit",
        width=width,
        height=height,
        bits=chosen.scan.bits,
    )
    said = [chosen.short_id, container, facts]
    if values.plane.sent != values.plane.shape:
        height, width = values.plane.sent
        said.append(tr("diagnose.shown-width", "shown at {width} × {height}", width=width, height=height))
    return said


def seen_words(seen: Seen) -> str:
    """What the model saw of the scan, and in which size."""
    if seen.whole:
        return tr(
            "diagnose.model-saw", "The model saw the whole scan, resized to {side} × {side} pixels.", side=seen.side
        )
    return tr(
        "diagnose.model-saw-outlined",
        "The model saw the outlined part, {width} × {height} pixels, resized to {side} × {side}.",
        width=seen.right - seen.left,
        height=seen.bottom - seen.top,
        side=seen.side,
    )


# ---- maps --------------------------------------------------------------------------------------------------------


def _overlays(reading: Reading | None, views: tuple[MapView, ...]) -> tuple[Overlay, ...]:
    """Every map that the model can give, drawn or not; none where it abstains."""
    if reading is None or reading.abstained is not None:
        return ()
    drawn = {view.key: view for view in views}
    return tuple(
        Overlay(
            key=key,
            title=title,
            view=drawn.get(key),
            alt=map_alt(drawn[key], tr(title)) if key in drawn else "",
        )
        for key, title in viewing.map_titles(reading.model)
    )


def _maps(chosen: Chosen, reading: Reading | None) -> tuple[MapView, ...]:
    """The maps, where the reader has asked for one of this scan and model; else nothing is computed."""
    if reading is None or reading.abstained is not None or st.session_state.get(MAPS) != chosen.fingerprint:
        return ()
    try:
        with working(tr("diagnose.drawing-maps", "Drawing the maps…"), quick=True):
            (views,) = services.maps(reading.model, chosen.fingerprint, reading.label, (reading.picture,))
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return ()
    return views


def _ask_for_maps() -> None:
    chosen = state.chosen()
    if chosen is not None and asked(KEY, "map"):
        st.session_state[MAPS] = chosen.fingerprint


# ---- slices and windows ------------------------------------------------------------------------------------------


def _slices(chosen: Chosen, model: ModelChoice) -> Slices | None:
    """The volume around the chosen slice; its small pictures and outputs come with the model's predictions."""
    volume = volumes.opened()
    if volume is None or chosen.number is None:
        return None
    reading = volumes.found(model.id, volume)
    total = len(volume)
    if reading is None:
        texts = tuple(
            tr("volume.slice-n-total", "Slice {n} of {total}", n=number, total=total) for number in range(1, total + 1)
        )
        return Slices(at=chosen.number, texts=texts, previews=(None,) * total)
    task = services.tasks()[chosen.task]
    texts = tuple(slice_words(row, total=total, task=task) for row in reading.found.slices)
    return Slices(at=chosen.number, texts=texts, previews=reading.previews)


def _go_to_slice() -> None:
    number = asked(KEY, "slice")
    if isinstance(number, int):
        volumes.choose(number)


def _read_with_window() -> None:
    """The reader's window becomes that of the file: it must be one, whatever a browser sends."""
    chosen, window = state.chosen(), asked(KEY, "window")
    if chosen is None or not isinstance(window, list) or len(window) != 2:
        return
    centre, width = (float(each) for each in window)
    if np.isfinite([centre, width]).all() and width >= 1:
        state.read_again(frame=chosen.frame, window=(centre, width))
