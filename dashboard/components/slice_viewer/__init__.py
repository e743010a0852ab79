"""The slices of a volume as one picture that is moved through by wheel, keys or a swipe."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import runtime

from dashboard.language import tr

FOLDER = Path(__file__).parent

KEY = "slice_viewer"

WORDS = {
    "label": "Slice of the volume",
    "hint": "Wheel, arrow keys, Page Up and Page Down, or drag sideways: other slices.",
}


def slice_viewer(
    previews: Sequence[bytes | None], texts: Sequence[str], *, at: int, volume: str, on_slice: Callable[[], None]
) -> None:
    """Show slice `at` (from 1). `previews` are JPEG files, None where a slice cannot be read; `texts` say what each is.

    `on_slice` is called when the reader rests on another slice, whose number `asked` then gives.
    """
    pairs = enumerate(zip(previews, texts, strict=True))
    slices = [{"url": _address(preview, number), "text": text} for number, (preview, text) in pairs]
    data = {"slices": slices, "at": at, "volume": volume, "words": {name: tr(text) for name, text in WORDS.items()}}
    _component()(key=KEY, data=data, height="content", on_slice_change=on_slice)


def asked() -> int | None:
    """The slice that the reader rests on, in the run that `on_slice` was called for."""
    number = getattr(st.session_state.get(KEY), "slice", None)
    return number if isinstance(number, int) else None


def _address(preview: bytes | None, number: int) -> str:
    """Where this server keeps a picture, as it does for `st.image`: a volume would be megabytes in every message."""
    if preview is None or not runtime.exists():
        return ""
    return str(runtime.get_instance().media_file_mgr.add(preview, "image/jpeg", f"{KEY}_{number}"))


def _component() -> Any:
    """Registered at each call: Streamlit keeps one definition a name, and drops it with the server it was given to."""
    html, css, js = ((FOLDER / f"viewer.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("meddef_slices", html=html, css=css, js=js)
