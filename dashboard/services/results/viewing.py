"""What the viewer draws: grey values in a form that a browser can window, and the part that a model saw."""

from dataclasses import dataclass

Window = tuple[float, float]
"""Centre and width, in the units of the values (DICOM PS3.3 C.11.2.1.2.1)."""

Preset = tuple[str, float, float]
"""Name, centre and width."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Plane:
    """Grey values as a PNG, in which a stored 0 stands for `low` and a stored `top` for `high`.

    `shape` is the (height, width) of the scan, and `sent` that of the PNG: a large scan is sent smaller.
    """

    png: bytes
    low: float
    high: float
    top: int
    shape: tuple[int, int]
    sent: tuple[int, int]


@dataclass(frozen=True, eq=False, kw_only=True)
class Values:
    """A scan to window: its plane, the window that it was read with, and presets.

    `falling` is a scan whose low values are bright. Where `in_units` is False, values are the grey levels, 0 to 255,
    that the contrast of the file gives.
    """

    plane: Plane
    window: Window
    presets: tuple[Preset, ...]
    falling: bool = False
    in_units: bool = False


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Rows `top` to `bottom` and columns `left` to `right` of a scan that a model saw, as a square of `side` pixels.

    Rows outside the scan are padding. `whole` says whether that is all of the scan.
    """

    top: int
    bottom: int
    left: int
    right: int
    side: int
    whole: bool
