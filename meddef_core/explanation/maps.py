"""A heat map with what a reader must know about it, and the one scale two of them share."""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from meddef_core.errors import MedDefError
from meddef_core.text import Text

MAP_CAVEAT = Text("map.map-shows", "This map shows what moved this output, not where disease is.")
"""Stands under every map."""

ROUNDING = 1e-5
"""How far float32 sums may carry a value past its natural bounds."""


@dataclass(frozen=True, kw_only=True)
class MapInfo:
    """What a map is called and how to read it.

    `meaning` is one line for a clinician. A `signed` map has a meaningful zero between two directions;
    `bounded` is the range its values cannot leave, None where there is none.
    """

    key: str
    title: str
    meaning: str
    signed: bool
    bounded: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class ExplanationMap:
    """One map as the network computed it: `grid` is float32 `(h, w)`, coarse, and never renormalised."""

    info: MapInfo
    grid: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.grid.ndim != 2 or not np.isfinite(self.grid).all():
            raise MedDefError(
                Text(
                    "map.title-gave",
                    "{title} gave no finite (h, w) grid; check the image and the weights.",
                    title=self.info.title,
                )
            )
        if self.info.bounded is not None:
            low, high = self.info.bounded
            if self.grid.min() < low - ROUNDING or self.grid.max() > high + ROUNDING:
                raise MedDefError(
                    Text(
                        "map.title-left",
                        "{title} left its range of {low:g} to {high:g}; check the weights.",
                        title=self.info.title,
                        low=low,
                        high=high,
                    )
                )

    def upsampled(self, size: int = 224) -> NDArray[np.float32]:
        """The grid drawn smoothly over a picture of `(size, size)` pixels; bilinear, so no value leaves its range."""
        return cv2.resize(self.grid, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a JSON record, the caveat included."""
        return {**asdict(self.info), "caveat": MAP_CAVEAT, "grid": self.grid.tolist()}


def shared_scale(*maps: ExplanationMap) -> tuple[float, float]:
    """One `(vmin, vmax)` to draw all these maps on, so that a colour means the same value in each.

    The scale always holds zero: from 0 to the largest value, or for a signed map as far below zero as above. A map
    that is nearly flat therefore looks flat, instead of having its noise stretched over all colours. Maps that
    are zero everywhere get (0, 1). Raises MedDefError for maps of different kinds, whose values do not compare.
    """
    if not maps:
        raise MedDefError(Text("map.scale-one-map", "A shared scale needs at least one map."))
    kinds = {m.info.key for m in maps}
    if len(kinds) > 1:
        raise MedDefError(
            Text("map.scale-kinds", "Maps of different kinds share no scale: {kinds}.", kinds=", ".join(sorted(kinds)))
        )
    largest = max(float(np.abs(m.grid).max()) for m in maps) or 1.0
    return (-largest if maps[0].info.signed else 0.0, largest)
