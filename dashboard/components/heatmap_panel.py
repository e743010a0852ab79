"""Explanation maps over a scan: display controls, one tile a map, its colour bar and its meaning."""

from dataclasses import dataclass

import streamlit as st

from dashboard.components import colours
from dashboard.components.colours import Rgb
from dashboard.components.words import strongest_region
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.results.common import MapView, Picture

TILE = 220
"""Width of a map in pixels: four fit beside the sidebar, one on a telephone."""

GRAD_CAM = "gradcam"
"""Key of the one map that every model has."""


@dataclass(frozen=True)
class MapStyle:
    """How the reader wants maps drawn."""

    opacity: float
    colour_map: str
    raw: bool
    contours: bool = False

    def colours_for(self, view: MapView) -> list[str]:
        """The chosen colours, or the diverging ones for a map with a meaningful zero."""
        return colours.DIVERGING if view.signed else colours.COLOUR_MAPS[self.colour_map]


def map_controls(prefix: str) -> MapStyle:
    """Opacity, colour map and raw grid; `prefix` keeps the keys of two pages apart."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        opacity = st.slider(
            tr("attention.opacity-map", "Opacity of the map"),
            0,
            100,
            50,
            5,
            format="%d %%",
            key=f"{prefix}_opacity",
            width=160,
            persist_state="session",
        )
        colour_map = st.segmented_control(
            tr("attention.colours", "Colours"),
            list(colours.COLOUR_MAPS),
            default="Cividis",
            required=True,
            key=f"{prefix}_colours",
            persist_state="session",
        )
        raw = st.toggle(
            tr("attention.raw-grid", "Raw grid"),
            key=f"{prefix}_raw",
            persist_state="session",
            help=tr(
                "attention.values-network",
                "The values as the network computed them, one cell each, without smoothing and without the scan.",
            ),
        )
        contours = st.toggle(
            tr("attention.contours", "Contours"),
            key=f"{prefix}_contours",
            persist_state="session",
            help=tr("attention.lines-quarter", "Lines at a quarter, half and three quarters of the scale's end."),
        )
    picked = colour_map if colour_map in colours.COLOUR_MAPS else "Cividis"
    return MapStyle(opacity / 100, picked, raw, contours)


def caveat(*more: str) -> None:
    """Stands under every group of maps, with what else must be known of it."""
    st.caption(" ".join([f":material/info: {tr(services.CAVEAT)}", *more]))


def map_gallery(views: tuple[MapView, ...], picture: Picture, *, style: MapStyle) -> None:
    """The gradient's map first, then those of the model's own modules, as tiles that wrap to the screen's width."""
    st.subheader(tr("attention.from-gradient", "From the gradient"), anchor=False)
    with st.container(horizontal=True, gap="small"):
        for view in views:
            if view.key == GRAD_CAM:
                _gallery_tile(view, picture, style=style)
        with st.container(width=TILE, gap="xsmall"):
            st.markdown(f"**{tr('attention.scan-alone', 'The scan alone')}**")
            st.image(
                picture,
                width="stretch",
                clamp=True,
                alt=tr("attention.scan-model", "The scan as the model saw it, without a map"),
            )
    caveat()
    st.subheader(tr("attention.from-models", "From the model's own modules"), anchor=False)
    own = [view for view in views if view.key != GRAD_CAM]
    if not own:
        st.caption(
            tr(
                "attention.model-built",
                "This model was built without the defence module (DAAM) and self-attention, so it has no such maps.",
            )
        )
        return
    with st.container(horizontal=True, gap="small"):
        for view in own:
            _gallery_tile(view, picture, style=style)
    caveat()


def _gallery_tile(view: MapView, picture: Picture, *, style: MapStyle) -> None:
    with st.container(width=TILE, gap="xsmall"):
        map_tile(view, picture, style=style)
        st.caption(tr(view.meaning))


def map_tile(view: MapView, picture: Picture, *, style: MapStyle, heading: str | None = None) -> None:
    """One map over its picture, with the colour bar that says what its colours mean."""
    title = heading or tr(view.title)
    st.markdown(f"**{title}**")
    st.image(drawn(view, picture, style=style), width="stretch", alt=map_alt(view, title))
    colour_bar(view, style=style)


def drawn(view: MapView, picture: Picture, *, style: MapStyle) -> Rgb:
    """The map as the style asks for it: smooth over the scan, or its raw cells alone."""
    palette = style.colours_for(view)
    if style.raw:
        return colours.coloured(colours.blocks(view.grid), scale=view.scale, colours=palette)
    mixed = colours.overlay(picture, view.smooth, scale=view.scale, colours=palette, opacity=style.opacity)
    return colours.with_contours(mixed, view.smooth, scale=view.scale) if style.contours else mixed


def map_alt(view: MapView, title: str) -> str:
    """The finding in words."""
    return tr(
        "attention.title-strongest",
        "{title}: strongest in {region}, values {low} to {high}",
        title=title,
        region=tr(strongest_region(view.smooth)),
        low=f"{view.grid.min():.2g}",
        high=f"{view.grid.max():.2g}",
    )


def colour_bar(view: MapView, *, style: MapStyle) -> None:
    """The scale with its two ends written out."""
    low, high = view.scale
    bar = colours.colour_bar(style.colours_for(view))
    ends = {"low": f"{low:.2g}", "high": f"{high:.2g}"}
    st.image(
        bar,
        width="stretch",
        alt=tr("attention.colour-scale", "Colour scale from {low} on the left to {high} on the right", **ends),
    )
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for end in (low, 0.0, high) if view.signed else (low, high):
            st.caption(f"{end:.2g}", width="content")
