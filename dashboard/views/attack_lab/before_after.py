"""Maps of the clean and the attacked scan, both on one scale, for each model."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.components.heatmap_panel import GRAD_CAM, MapStyle, caveat, map_controls, map_tile
from dashboard.components.progress import working
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import AttackOutcome, LabResult, MapView
from dashboard.services.words import Text
from dashboard.views.attack_lab.cards import WIDE
from dashboard.views.attack_lab.pair import maps_key

FAVOURITE = "channel_attention"
"""Shown first: what the whole defence adds, the map that says most in one picture."""

PLAIN = Text("attention.model-no", "This model has no such map: it was built without the defence module (DAAM).")
WRAPPED = Text(
    "attention.side-no",
    "This side has no maps: it is another model behind a defence of its input, and maps are read inside a network. "
    "Choose that model itself to see them.",
)

Pair = tuple[MapView, MapView]


@st.fragment
def maps_before_after(result: LabResult) -> None:
    """Grad-CAM, and one map of the reader's choice, before and after."""
    try:
        with working(tr("diagnose.drawing-maps", "Drawing the maps…"), quick=True):
            pairs = [_pairs(result, outcome) for outcome in result.outcomes]
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return
    style = map_controls("lab")
    titles = {key: tr(pair[0].title) for each in pairs for key, pair in each.items() if key != GRAD_CAM}
    picked = _map_picker(titles)
    for key in (GRAD_CAM, picked):
        if key is None:
            continue
        for column, outcome, found in zip(st.columns(len(pairs), gap="medium"), result.outcomes, pairs, strict=True):
            with column.container(border=True):
                _pair_card(
                    outcome,
                    found.get(key),
                    titles.get(key, tr("attention.grad-cam", "Grad-CAM")),
                    style=style,
                    models=len(pairs),
                )
    caveat(
        tr("attention.clean-attacked", "Clean and attacked share one scale within each model."),
        tr("attention.grad-cam-explains", "Grad-CAM explains the class of the clean output in both pictures."),
    )


def _pairs(result: LabResult, outcome: AttackOutcome) -> dict[str, Pair]:
    pictures = (outcome.clean.picture, outcome.attacked.reading.picture)
    before, after = services.maps(outcome.clean.model, maps_key(result), outcome.clean.label, pictures)
    return {first.key: (first, second) for first, second in zip(before, after, strict=True)}


def _map_picker(titles: dict[str, str]) -> str | None:
    if not titles:
        return None
    keys = list(titles)
    picked = st.selectbox(
        tr("attention.map-models", "Map of the model's own modules to compare"),
        keys,
        index=keys.index(FAVOURITE) if FAVOURITE in keys else 0,
        format_func=titles.__getitem__,
        key="lab_map",
        width=360,
        persist_state="session",
    )
    return picked if picked in titles else keys[0]


def _pair_card(outcome: AttackOutcome, pair: Pair | None, title: str, *, style: MapStyle, models: int) -> None:
    st.markdown(f"**{tr(outcome.clean.model.title)}: {title}**")
    if pair is None:
        st.caption(tr(WRAPPED if outcome.clean.model.wrapped else PLAIN))
        return
    pictures = (outcome.clean.picture, outcome.attacked.reading.picture)
    for column, heading, view, picture in zip(
        _two_places(models), (tr("lab.clean", "Clean"), tr("lab.attacked", "Attacked")), pair, pictures, strict=True
    ):
        with column:
            map_tile(view, picture, style=style, heading=heading)
    st.caption(tr(pair[0].meaning))


def _two_places(models: int) -> Sequence[DeltaGenerator]:
    """Where two pictures of one model go: beside each other, or below each other where its column is narrow."""
    return st.columns(2, wrap=False) if models <= WIDE else [st.container(), st.container()]
