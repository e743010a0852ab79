"""The image viewer: window, zoom, slices, maps and outline of a scan, all in the browser.

Pictures are sent once, as files that this server keeps for the session; what the reader then does asks for nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import runtime

from dashboard.components import colours
from dashboard.components.viewer.subject import Overlay, Slices, ViewerPicture, ViewerSubject
from dashboard.components.viewer.words import words
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services import viewing
from dashboard.services.words import Text

__all__ = ["Overlay", "Slices", "ViewerPicture", "ViewerSubject", "asked", "message", "viewer"]

FOLDER = Path(__file__).parent

SCRIPTS = ("png", "tone", "geometry", "draw", "actions", "gestures", "panel", "main")
"""One module in this order: a component's script is a single text, and imports nothing."""

DEFAULT_MAP_COLOURS = "Cividis"


def _nothing() -> None:
    """Where a viewer has nothing to ask for."""


def viewer(
    subject: ViewerSubject,
    *,
    key: str,
    spare: str = "21rem",
    most: str = "40rem",
    colour_map: str = DEFAULT_MAP_COLOURS,
    on_slice: Callable[[], None] = _nothing,
    on_map: Callable[[], None] = _nothing,
    on_window: Callable[[], None] = _nothing,
) -> None:
    """Show a scan. Of the screen's height `spare` is left to the rest of the page; the image has at most `most`.

    What the reader asks the server for, `asked` tells in the callback.
    """
    _component()(
        key=key,
        data=message(subject, key=key, spare=spare, most=most, colour_map=colour_map),
        height="content",
        on_slice_change=on_slice,
        on_map_change=on_map,
        on_window_change=on_window,
    )


def asked(key: str, name: str) -> Any:
    """What the reader asks for: a "slice" by its number, a "map" by its key, a "window" as [centre, width]; or None."""
    return getattr(st.session_state.get(key), name, None)


def message(
    subject: ViewerSubject,
    *,
    key: str,
    spare: str = "21rem",
    most: str = "40rem",
    colour_map: str = DEFAULT_MAP_COLOURS,
) -> dict[str, Any]:
    """All that the browser is sent of a scan, but for the pictures, which it fetches by their addresses."""
    plane = subject.pictures[0].plane
    height, width = plane.shape
    presets = ((Text("viewer.read", "As read"), *subject.window), *subject.presets)
    seen = subject.seen
    box = None if seen is None else {name: getattr(seen, name) for name in ("top", "bottom", "left", "right")}
    return {
        "subject": subject.key,
        "windowed": repr((subject.window, subject.falling, plane.low, plane.high)),
        "size": {"width": width, "height": height},
        "scale": _scale(plane.low, plane.high, plane.top),
        "falling": subject.falling,
        "presets": [{"name": tr(name), "centre": centre, "width": wide} for name, centre, wide in presets],
        "pictures": [_picture(each, key=f"{key}_{number}") for number, each in enumerate(subject.pictures)],
        "spacing": {"row": subject.row_mm, "column": subject.column_mm},
        "outline": None if subject.outline is None else {"box": box, "text": subject.outline},
        "mapped": box,
        "maps": [_map(each, key=f"{key}_map_{each.key}", colour_map=colour_map) for each in subject.overlays],
        "slices": None if subject.slices is None else _slices(subject.slices, subject, key=key),
        "rereads": subject.rereads,
        "beside": subject.beside,
        "shown": subject.shown,
        "spare": spare,
        "most": most,
        "words": words() | {"caveat": tr(services.CAVEAT)},
    }


def _picture(shown: ViewerPicture, *, key: str) -> dict[str, Any]:
    plane = shown.plane
    url = _address(plane.png, "image/png", key)
    return {"url": url, "scale": _scale(plane.low, plane.high, plane.top), "name": shown.name, "alt": shown.alt}


def _scale(low: float, high: float, top: int) -> dict[str, float]:
    return {"low": low, "high": high, "top": top}


def _map(overlay: Overlay, *, key: str, colour_map: str) -> dict[str, Any]:
    view, second = overlay.view, overlay.attacked
    if view is None:
        none: dict[str, Any] = {"url": None, "second": None, "meaning": "", "palette": []}
        return {"key": overlay.key, "title": tr(overlay.title), **none}
    low, high = view.scale
    anchors = colours.DIVERGING if view.signed else colours.COLOUR_MAPS[colour_map]
    return {
        "key": overlay.key,
        "title": tr(overlay.title),
        "url": _address(viewing.encoded_map(view), "image/png", key),
        "second": None if second is None else _address(viewing.encoded_map(second), "image/png", f"{key}_attacked"),
        "meaning": tr(view.meaning),
        "alt": overlay.alt,
        "low": f"{low:.2g}",
        "high": f"{high:.2g}",
        "palette": colours.hex_table(anchors),
    }


def _slices(slices: Slices, subject: ViewerSubject, *, key: str) -> dict[str, Any]:
    """Small pictures have eight bits of what was read: they stand for the window that it was read with."""
    centre, width = subject.window
    low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    low, high = (high, low) if subject.falling else (low, high)
    urls = [
        None if each is None else _address(each, "image/jpeg", f"{key}_slice_{number}")
        for number, each in enumerate(slices.previews)
    ]
    return {"at": slices.at, "texts": list(slices.texts), "previews": urls, "scale": _scale(low, high, 255)}


def _address(data: bytes, kind: str, key: str) -> str:
    """Where this server keeps a picture, as it does for `st.image`: it is not in every message, and is fetched once."""
    if not runtime.exists():
        return ""
    return str(runtime.get_instance().media_file_mgr.add(data, kind, key))


def _component() -> Any:
    """Registered at each call: Streamlit keeps one definition a name, and drops it with the server it was given to."""
    html, css = ((FOLDER / f"viewer.{kind}").read_text(encoding="utf-8") for kind in ("html", "css"))
    return st.components.v2.component("meddef_viewer", html=html, css=css, js=script())


def script() -> str:
    """The modules of the folder `js` as one."""
    return "\n".join((FOLDER / "js" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
