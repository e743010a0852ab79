"""How alike two maps of one kind are: whether an attack moved what the model looks at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meddef_core.errors import MedDefError
from meddef_core.explain.maps import ExplanationMap

TOP = 0.10
"""Share of cells that count as the strongest."""


@dataclass(frozen=True)
class Stability:
    """How alike a map of the clean scan and one of the attacked scan are; a map and itself give (1, 1)."""

    correlation: float | None
    """Spearman's rank correlation of the raw grids, in [-1, 1]; None where a map is constant and has no ranks."""
    overlap: float
    """Share of the strongest tenth of the cells that both maps have in common, in [0, 1]; 0.1 by chance."""


def stability(clean: ExplanationMap, attacked: ExplanationMap) -> Stability:
    """Compare the raw grids of two maps of one kind (after Adebayo et al. 2018, arXiv:1810.03292, section 3).

    The strongest cells are those of the largest values: in a signed map, those that speak most for the class. Cells
    that tie for the last places share them, so that the order of cells never matters and a flat map, which prefers no
    cell, overlaps any other as much as chance would. Raises MedDefError for maps of different kinds or shapes.
    """
    if clean.info.key != attacked.info.key:
        raise MedDefError(f"A {clean.info.title} map and a {attacked.info.title} map do not compare; give one kind.")
    if clean.grid.shape != attacked.grid.shape:
        raise MedDefError(f"Maps of {clean.grid.shape} and {attacked.grid.shape} cells do not compare; give one size.")
    shared = float(np.minimum(_strongest(clean.grid), _strongest(attacked.grid)).sum())
    return Stability(rank_correlation(clean.grid, attacked.grid), min(1.0, shared / _places(clean.grid.size)))


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float | None:
    """Spearman's rank correlation of two arrays of one size; None if either is constant. Ties have their mean rank."""
    first, second = _ranks(a), _ranks(b)
    scale = float(np.linalg.norm(first) * np.linalg.norm(second))
    if scale == 0:
        return None
    return float(np.clip(first @ second / scale, -1.0, 1.0))


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
    last = np.partition(grid.ravel(), grid.size - places)[grid.size - places]
    above, ties = grid > last, grid == last
    return above + ties * (places - above.sum()) / ties.sum()
