"""How alike two maps of one kind are: whether an attack moved what the model looks at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meddef_core.errors import MedDefError
from meddef_core.explanation.maps import ExplanationMap
from meddef_core.text import Text

TOP = 0.10
"""Share of cells that count as the strongest."""

FLAT = 1e-6
"""Spread of a flat map, relative to its largest value: a few units in the last place of float32."""


@dataclass(frozen=True)
class Stability:
    """How alike a map of the clean scan and one of the attacked scan are; a map and itself give (1, 1)."""

    correlation: float | None
    """Spearman's rank correlation of the raw grids, in [-1, 1]; None where a map is flat and has no ranks."""
    overlap: float
    """Share of the strongest tenth of the cells that both maps have in common, in [0, 1]; 0.1 by chance."""


def stability(clean: ExplanationMap, attacked: ExplanationMap) -> Stability:
    """Compare the raw grids of two maps of one kind (by rank, as Adebayo et al. 2018 do, arXiv:1810.03292).

    The strongest cells are those of the largest values: in a signed map, those that speak most for the class. Cells
    that tie for the last places share them, so that the order of cells never matters and a flat map, which prefers no
    cell, overlaps any other as much as chance would. Raises MedDefError for maps of different kinds or shapes.
    """
    if clean.info.key != attacked.info.key:
        raise MedDefError(
            Text(
                "map.two-kinds",
                "A {one} map and a {other} map do not compare; give one kind.",
                one=clean.info.title,
                other=attacked.info.title,
            )
        )
    if clean.grid.shape != attacked.grid.shape:
        raise MedDefError(
            Text(
                "map.two-sizes",
                "Maps of {one} and {other} cells do not compare; give one size.",
                one=clean.grid.shape,
                other=attacked.grid.shape,
            )
        )
    shared = float(np.minimum(_strongest(clean.grid), _strongest(attacked.grid)).sum())
    return Stability(rank_correlation(clean.grid, attacked.grid), min(1.0, shared / _places(clean.grid.size)))


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float | None:
    """Spearman's rank correlation of two arrays of one size; None if either is flat. Ties have their mean rank."""
    if is_flat(a) or is_flat(b):
        return None
    first, second = _ranks(a), _ranks(b)
    return float(np.clip(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)), -1.0, 1.0))


def is_flat(values: ArrayLike) -> bool:
    """Whether values differ by no more than fp32 rounding, whose order says nothing."""
    array = np.asarray(values)
    return bool(np.ptp(array) <= FLAT * np.abs(array).max())


def _ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks less their mean: `(n,)`."""
    _, which, counts = np.unique(np.asarray(values).ravel(), return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts + 1) / 2
    return (mean_rank - (which.size - 1) / 2)[which]


def _places(cells: int) -> int:
    return max(1, round(TOP * cells))


def _strongest(grid: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far each cell belongs to the strongest: 1, 0, or for those that tie for the last places, their share."""
    places = _places(grid.size)
    if is_flat(grid):
        return np.full(grid.size, places / grid.size).reshape(grid.shape)
    last = np.partition(grid.ravel(), grid.size - places)[grid.size - places]
    above, ties = grid > last, grid == last
    shares: NDArray[np.float64] = above + ties * (places - above.sum()) / ties.sum()
    return shares
