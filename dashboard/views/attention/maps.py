"""Groups of maps of several models: a column a model, clean beside attacked on one scale, or on top of each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.components.heatmap_panel import MapStyle, caveat, map_controls, map_tile
from dashboard.components.progress import working
from dashboard.language import tr
from dashboard.services.results.attention import Inspected, MapGroup
from dashboard.services.words import Text
from dashboard.views.attention.compare import compare

SIDE_BY_SIDE, ON_TOP = Text("attention.side-side", "Side by side"), Text("attention.top-each", "On top of each other")

TILE = 160
"""Width of one map in pixels: clean and attacked of two models stand beside the sidebar."""

Found = tuple[Inspected, MapGroup | None]
"""A model and its map of one kind; None where it was built without that module."""


@dataclass(frozen=True)
class Look:
    """How the reader wants groups of maps shown."""

    style: MapStyle
    on_top: bool
    across: bool
    """Whether all models share one scale as well, not each its own."""


def look_controls(*, attacked: bool) -> Look:
    """Display settings of all map sections."""
    style = map_controls("attention")
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        arranged = st.segmented_control(
            tr("attention.clean-attacked-2", "Clean and attacked"),
            [SIDE_BY_SIDE, ON_TOP],
            default=SIDE_BY_SIDE,
            required=True,
            format_func=tr,
            key="attention_arranged",
            persist_state="session",
            disabled=not attacked,
        )
        across = st.toggle(
            tr("attention.one-scale", "One scale for all models"),
            key="attention_across",
            persist_state="session",
            help=tr(
                "attention.clean-attacked-model",
                "Clean and attacked of a model always share a scale. Between models, raw values of one kind of map "
                "may differ in size for no reason that matters.",
            ),
        )
    return Look(style, attacked and arranged == ON_TOP, across)


def for_each(inspected: Sequence[Inspected], compute: Callable[[Inspected], MapGroup | None]) -> list[Found]:
    """A quick map of each model, one model after the other so that the page says where it is."""
    found: list[Found] = []
    for each in inspected:
        with working(
            tr("attention.drawing-maps", "Drawing the maps of {model}…", model=tr(each.model.title)), quick=True
        ):
            found.append((each, compute(each)))
    return found


def map_groups(found: Sequence[Found], *, look: Look, key: str, missing: str) -> None:
    """One kind of map of every model, with its caveat; `missing` is said of a model that has no such map."""
    if look.across:
        found = _one_scale(found)
    meanings = list(dict.fromkeys(maps.meaning for _, maps in found if maps is not None))
    for meaning in meanings:
        st.caption(tr(meaning))
    if look.on_top:
        compare([each for each in found if each[1] is not None], style=look.style, key=f"attention_compare_{key}")
        for each, maps in found:
            if maps is None or each.outcome is None:
                st.caption(
                    f"{tr(each.model.title)}: "
                    f"{tr(missing) if maps is None else tr('attention.not-attacked', 'not attacked yet.')}"
                )
    else:
        _columns(found, look=look, missing=missing)
    shared = tr("attention.clean-attacked", "Clean and attacked share one scale within each model.")
    caveat(tr("attention.all-maps", "All maps here share one scale.") if look.across else shared)


def _columns(found: Sequence[Found], *, look: Look, missing: str) -> None:
    with st.container(horizontal=True, gap="medium"):
        for each, maps in found:
            width = (TILE + 8) * len(each.pictures) + 34
            with st.container(border=True, width=width, gap="xsmall"):
                st.markdown(f"**{tr(each.model.title)}**")
                if maps is None:
                    st.caption(tr(missing))
                else:
                    _tiles(each, maps, style=look.style)


def _tiles(inspected: Inspected, maps: MapGroup, *, style: MapStyle) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        for name, view, picture in zip(
            (Text("lab.clean", "Clean"), Text("lab.attacked", "Attacked")), maps.views, inspected.pictures, strict=False
        ):
            with st.container(width=TILE, gap="xxsmall"):
                map_tile(view, picture, style=style, heading=tr(name))


def _one_scale(found: Sequence[Found]) -> list[Found]:
    views = [view for _, maps in found if maps is not None for view in maps.views]
    if not views:
        return list(found)
    scale = min(view.scale[0] for view in views), max(view.scale[1] for view in views)
    return [
        (each, None if maps is None else replace(maps, views=tuple(replace(view, scale=scale) for view in maps.views)))
        for each, maps in found
    ]
