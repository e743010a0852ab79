"""What is gained by abstaining: the risk among the accepted scans against the share that is accepted.

Geifman and El-Yaniv 2017, Selective Classification for Deep Neural Networks, arXiv:1705.08500, section 2; the area
under the curve: Geifman et al. 2019, arXiv:1805.08206, section 2. NumPy in, plain numbers out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from meddef_core.errors import DataError
from meddef_core.text import Text

POINTS = 20
"""Coverages that a curve is told at: 5%, 10%, ... 100%."""


@dataclass(frozen=True)
class RiskCoverage:
    """`coverages` and `risks`, a point each, and the mean risk over all coverages (`aurc`)."""

    coverages: tuple[float, ...]
    risks: tuple[float, ...]
    aurc: float


def risk_coverage(scores: ArrayLike, wrong: ArrayLike, *, points: int = POINTS) -> RiskCoverage:
    """Scans are accepted by rising `scores` `(n,)`; the risk is the share of `wrong` `(n,)` among the accepted.

    Scans of equal score are accepted together: each counts as the mean of its group. Raises DataError for none.
    """
    values, errors = np.asarray(scores, dtype=np.float64), np.asarray(wrong, dtype=np.float64)
    if values.ndim != 1 or values.shape != errors.shape or not len(values) or not np.isfinite(values).all():
        raise DataError(
            Text(
                "evaluation.risk-coverage",
                "a risk-coverage curve needs one finite score and one error a scan, and at least one scan",
            )
        )
    order = np.argsort(values, kind="stable")
    values, errors = values[order], errors[order]
    _, groups, sizes = np.unique(values, return_inverse=True, return_counts=True)
    expected = (np.bincount(groups, weights=errors) / sizes)[groups]
    risks = np.cumsum(expected) / np.arange(1, len(values) + 1)
    counts = np.maximum(np.ceil(np.arange(1, points + 1) / points * len(values) - 1e-9).astype(int), 1)
    return RiskCoverage(
        coverages=tuple(float(count / len(values)) for count in counts),
        risks=tuple(float(risks[count - 1]) for count in counts),
        aurc=float(risks.mean()),
    )
