"""Clean and attacked on top of each other: a slider between them, one zoom for all models, a key that swaps them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.colours import png_address
from dashboard.components.heatmap_panel import MapStyle, drawn, map_alt
from dashboard.language import tr
from dashboard.services.results.attention import Inspected, MapGroup
from dashboard.services.words import Text

FOLDER = Path(__file__).parent

WORDS = {
    "label": Text("attention.clean-attacked-top", "Clean and attacked on top of each other"),
    "clean": Text("lab.clean", "Clean"),
    "attacked": Text("lab.attacked", "Attacked"),
    "slider": Text("attention.share-attacked", "Share of the attacked picture that is shown"),
    "share": Text("attention.share-attacked-2", "{share}% attacked"),
    "blink": Text("attention.swap-key", "Swap (key B)"),
    "closer": Text("attention.zoom", "Zoom in"),
    "farther": Text("attention.zoom-out", "Zoom out"),
    "whole": Text("attention.whole-picture", "Whole picture"),
    "pan": Text("attention.arrow-keys", "Arrow keys move the part in view when zoomed in"),
    "blinked": Text("attention.shown-side", "Shown: {side}"),
    "zoomed": Text("attention.zoom-times", "Zoom × {zoom}"),
}
"""What the component says; the places in braces are filled in the browser."""


def compare(groups: Sequence[tuple[Inspected, MapGroup | None]], *, style: MapStyle, key: str) -> None:
    """Every model's pair in one component, so that slider and zoom move all of them; the scans alone without a map."""
    pairs = [_pair(each, maps, style=style) for each, maps in groups if each.outcome is not None]
    if pairs:
        _component()(key=key, data={"pairs": pairs, "words": {name: tr(text) for name, text in WORDS.items()}})


def _component() -> Any:
    """Registered at each call: Streamlit keeps one definition a name, and drops it with the server it was given to."""
    html, css, js = ((FOLDER / f"compare.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("meddef_compare", html=html, css=css, js=js)


def _pair(inspected: Inspected, maps: MapGroup | None, *, style: MapStyle) -> dict[str, str]:
    title = tr(inspected.model.title)
    names = ("clean", "attacked")
    found: dict[str, str] = {"title": title}
    for place, (name, picture) in enumerate(zip(names, inspected.pictures, strict=True)):
        side = tr(WORDS[name])
        if maps is None:
            found |= {name: png_address(np.clip(picture, 0, 1)), f"{name}_alt": f"{title}: {side}"}
        else:
            view = maps.views[place]
            alt = map_alt(view, f"{title}, {tr(maps.title)}, {side}")
            found |= {name: png_address(drawn(view, picture, style=style)), f"{name}_alt": alt}
    return found
