"""One map of one model, large: clean beside attacked on the viewer, under a sentence on what the map is worth."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.heatmap_panel import map_alt
from dashboard.components.progress import working
from dashboard.components.viewer import Overlay, ViewerPicture, ViewerSubject, viewer
from dashboard.language import tr
from dashboard.services import inspection, viewing
from dashboard.services import shared as services
from dashboard.services.results.attention import Inspected
from dashboard.services.results.common import MapView, Picture
from dashboard.views.attention.worth import worth_of_map

KEY = "attention_viewer"

SPARE, MOST = "34rem", "34rem"
"""Of the screen's height, what the rest of the first screen takes; and the most of the image's."""

NAMES = ("Clean", "Attacked")


def large(inspected: Sequence[Inspected], *, task: str) -> None:
    """Two fields, map and model, what the map is worth, and the viewer."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        each = _model(inspected)
        titles = dict(viewing.map_titles(each.model))
        if st.session_state.get("attention_map") not in titles:
            st.session_state["attention_map"] = next(iter(titles))
        key = st.selectbox(
            tr("viewer.map", "Map"),
            list(titles),
            format_func=lambda name: tr(str(titles.get(name, name))),
            key="attention_map",
            width=280,
        )
    key = key if key in titles else next(iter(titles))
    st.info(worth_of_map(key, each.model, task=task), icon=":material/experiment:")
    with working(tr("attention.drawing-maps", "Drawing the maps of {model}…", model=tr(each.model.title)), quick=True):
        found = services.maps(each.model, inspection.key_of(each.pictures), each.clean.label, each.pictures)
    views = [view for maps in found for view in maps if view.key == key]
    viewer(_subject(each, views), key=KEY, spare=SPARE, most=MOST)


def _model(inspected: Sequence[Inspected]) -> Inspected:
    """The model whose map is shown; MedDef unless the reader says otherwise, since it has every map."""
    known = {each.model.id: each for each in inspected}
    if st.session_state.get("attention_model") not in known:
        st.session_state["attention_model"] = next((key for key in known if key.endswith("/meddef")), next(iter(known)))
    picked = st.segmented_control(
        tr("diagnose.model", "Model"),
        list(known),
        format_func=lambda key: tr(known[key].model.title) if key in known else key,
        required=True,
        key="attention_model",
    )
    return known.get(str(picked), next(iter(known.values())))


def _subject(each: Inspected, views: Sequence[MapView]) -> ViewerSubject:
    view, *others = views
    alts = [map_alt(found, f"{tr(view.title)}, {tr(name)}") for found, name in zip(views, NAMES, strict=False)]
    overlay = Overlay(
        key=view.key,
        title=view.title,
        view=view,
        attacked=others[0] if others else None,
        alt="; ".join(alts),
    )
    return ViewerSubject(
        key=inspection.key_of(each.pictures[:1]),
        pictures=tuple(_picture(each, picture, name) for picture, name in zip(each.pictures, NAMES, strict=False)),
        window=viewing.AS_READ,
        overlays=(overlay,),
        beside=True,
        shown=view.key,
    )


def _picture(each: Inspected, picture: Picture, name: str) -> ViewerPicture:
    alt = f"{tr(each.model.title)}: {tr(name)}"
    return ViewerPicture(plane=viewing.encoded_picture(picture), name=tr(name), alt=alt)
