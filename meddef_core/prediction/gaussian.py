"""A normal distribution in many dimensions, fitted to few scans: probabilistic principal components.

Tipping and Bishop 1999, Probabilistic Principal Component Analysis: the covariance is that of the first components,
and one variance for all other directions. The distance is Mahalanobis's under it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meddef_core.errors import DataError
from meddef_core.text import Text

Array = NDArray[np.float64]

FLOOR = 1e-6
"""Added to spreads: what never varies in training must not divide by zero."""


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Centre and scale `(d,)`, axes `(r, d)`, the variance along each `(r,)`, and the variance of the rest."""

    centre: Array
    scale: Array
    axes: Array
    variances: Array
    rest: float

    def distance(self, x: Array) -> Array:
        """Squared Mahalanobis distance `(n,)` of rows `(n, d)`."""
        z = (x - self.centre) / self.scale
        along = z @ self.axes.T
        off = np.maximum((z**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
        return np.asarray((along**2 / self.variances).sum(axis=1) + off / self.rest)


def fit_gaussian(x: Array, *, rank: int) -> Gaussian:
    """Fit rows `(n, d)` with at most `rank` components; raises DataError for fewer than three rows."""
    if len(x) < 3:
        raise DataError(
            Text(
                "prediction.too-few-scans", "a distribution cannot be fitted to {count} scans; give more", count=len(x)
            )
        )
    centre, scale = x.mean(axis=0), x.std(axis=0) + FLOOR
    _, singular, axes = np.linalg.svd((x - centre) / scale, full_matrices=False)
    variances = singular**2 / len(x)
    rank = min(rank, len(variances) - 1)
    rest = max(float(variances[rank:].sum()) / max(x.shape[1] - rank, 1), FLOOR)
    return Gaussian(centre, scale, axes[:rank], np.maximum(variances[:rank], rest), rest)
