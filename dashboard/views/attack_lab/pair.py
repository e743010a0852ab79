"""The scan on the viewer as a model sees it: clean, and after an attack the attacked picture over it, with maps."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.heatmap_panel import map_alt
from dashboard.components.progress import working
from dashboard.components.viewer import Overlay, ViewerPicture, ViewerSubject, viewer
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services import viewing
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import AttackOutcome, LabResult, MapView, Picture, Reading
from dashboard.session.state import Chosen
from dashboard.views.attack_lab.cards import short_title

KEY = "lab_viewer"

MAPS = "lab_maps_of"
"""In the session: the scan whose maps were asked for."""

SPARE, MOST = "31rem", "30rem"
"""Of the screen's height, what the rest of the first screen takes; and the most of the image's."""


def pair(chosen: Chosen, readings: Sequence[Reading], result: LabResult | None) -> None:
    """One model's clean and attacked picture; the reader chooses the model."""
    outcomes = {} if result is None else {outcome.clean.model.id: outcome for outcome in result.outcomes}
    shown = {outcome.clean.model.id: outcome.clean for outcome in outcomes.values()}
    shown = shown or {reading.model.id: reading for reading in readings}
    if not shown:
        return
    reading = shown[_picked(shown)] if outcomes else next(iter(shown.values()))
    outcome = outcomes.get(reading.model.id)
    viewer(
        _subject(chosen, reading, outcome, views=_maps(chosen, reading, outcome, result)),
        key=KEY,
        spare=SPARE,
        most=MOST,
        on_map=lambda: st.session_state.update({MAPS: chosen.fingerprint}),
    )


def _picked(shown: dict[str, Reading]) -> str:
    """Id of the model whose attacked picture is shown."""
    ids = list(shown)
    if st.session_state.get("lab_shown") not in ids:
        st.session_state["lab_shown"] = ids[0]
    picked = st.segmented_control(
        tr("lab.attacked-image", "Attacked image of"),
        ids,
        format_func=lambda key: short_title(shown[key].model) if key in shown else key,
        required=True,
        key="lab_shown",
        label_visibility="collapsed",
    )
    return picked if picked in ids else ids[0]


def _subject(
    chosen: Chosen, reading: Reading, outcome: AttackOutcome | None, *, views: tuple[tuple[MapView, ...], ...]
) -> ViewerSubject:
    title = tr(reading.model.title)
    pictures = [
        _picture(
            reading.picture, tr("lab.clean", "Clean"), alt=tr("lab.model-clean", "{model}: clean scan", model=title)
        )
    ]
    if outcome is not None:
        attacked = outcome.attacked.reading.picture
        pictures.append(
            _picture(
                attacked,
                tr("lab.attacked", "Attacked"),
                alt=tr("lab.model-attacked-scan", "{model}: attacked scan", model=title),
            )
        )
    return ViewerSubject(
        key=chosen.fingerprint,
        pictures=tuple(pictures),
        window=viewing.AS_READ,
        overlays=_overlays(reading, views),
    )


def _picture(picture: Picture, name: str, *, alt: str) -> ViewerPicture:
    return ViewerPicture(plane=viewing.encoded_picture(picture), name=name, alt=alt)


# ---- maps --------------------------------------------------------------------------------------------------------


def _overlays(reading: Reading, views: tuple[tuple[MapView, ...], ...]) -> tuple[Overlay, ...]:
    """Every map that the model can give, drawn or not; a model behind a defence has none."""
    if reading.model.wrapped:
        return ()
    drawn = {first.key: each for each in zip(*views, strict=True) for first in each[:1]}
    return tuple(
        Overlay(
            key=key,
            title=title,
            view=drawn[key][0] if key in drawn else None,
            attacked=drawn[key][1] if key in drawn and len(drawn[key]) > 1 else None,
            alt=map_alt(drawn[key][0], tr(title)) if key in drawn else "",
        )
        for key, title in viewing.map_titles(reading.model)
    )


def _maps(
    chosen: Chosen, reading: Reading, outcome: AttackOutcome | None, result: LabResult | None
) -> tuple[tuple[MapView, ...], ...]:
    """The maps of each picture, where the reader has asked for one of this scan; else nothing is computed."""
    if reading.model.wrapped or st.session_state.get(MAPS) != chosen.fingerprint:
        return ()
    pictures: tuple[Picture, ...] = (reading.picture,)
    key = chosen.fingerprint
    if outcome is not None and result is not None:
        pictures, key = (*pictures, outcome.attacked.reading.picture), maps_key(result)
    try:
        with working(tr("diagnose.drawing-maps", "Drawing the maps…"), quick=True):
            return services.maps(reading.model, key, reading.label, pictures)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return ()


def maps_key(result: LabResult) -> str:
    """Names the pictures of an attack in the session's cache of maps."""
    return f"{result.fingerprint} {result.spec} {result.source}"
