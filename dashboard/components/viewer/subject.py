"""What a viewer shows, as plain values."""

from dataclasses import dataclass

from dashboard.services.results.common import MapView
from dashboard.services.results.viewing import Plane, Preset, Seen, Window


@dataclass(frozen=True, eq=False, kw_only=True)
class ViewerPicture:
    """One picture of a scan, with its words for those who do not see it."""

    plane: Plane
    name: str
    alt: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Overlay:
    """A map that can lie over the scan; `view` is None until it is drawn, which `on_map` asks for.

    `attacked` is the same map of the second picture, on the same scale; where it is None, `view` lies over both.
    """

    key: str
    title: str
    view: MapView | None = None
    attacked: MapView | None = None
    alt: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Slices:
    """A volume around the picture: `at` is its slice, from 1. `previews` are JPEG files, None where there is none."""

    at: int
    texts: tuple[str, ...]
    previews: tuple[bytes | None, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class ViewerSubject:
    """A scan on the viewer, or a clean one and the attacked one that is swiped over it.

    `key` names it: the reader's zoom and window stay while it does. `outline` is a sentence on the part that the model
    `seen`, where that is not the whole scan; `row_mm` and `column_mm` are the sides of a pixel, where they are known.
    `rereads` offers to predict with the window that the reader has set. `beside` shows two pictures next to each other
    at first, not one over the other. `shown` is the key of the overlay that lies over the scan until the reader chooses
    another.
    """

    key: str
    pictures: tuple[ViewerPicture, ...]
    window: Window
    presets: tuple[Preset, ...] = ()
    falling: bool = False
    seen: Seen | None = None
    outline: str | None = None
    row_mm: float | None = None
    column_mm: float | None = None
    overlays: tuple[Overlay, ...] = ()
    slices: Slices | None = None
    rereads: bool = False
    beside: bool = False
    shown: str = ""
