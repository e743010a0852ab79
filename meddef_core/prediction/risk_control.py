"""A threshold with a guarantee: how much may be accepted before wrong outputs become too many.

Conformal risk control (Angelopoulos et al. 2022, arXiv:2208.02814, section 2): with n scans of a source and a loss in
[0, 1] that only grows as more is accepted, the largest threshold at which (n * mean loss + 1) / (n + 1) stays at most
alpha keeps the expected loss of the next scan of that source at most alpha. The loss here is 1 where a scan is
accepted and its output is wrong. NumPy in, plain numbers out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meddef_core.errors import DataError
from meddef_core.text import Text

FOLDS = 5
"""Parts of a development set: what is chosen on four of them is reported on the fifth."""

NOTHING = -np.inf
"""The threshold at which nothing is accepted."""


@dataclass(frozen=True, eq=False)
class RiskSource:
    """Scans of one origin that a threshold is chosen on.

    `scores` `(n,)` grow with distance, `wrong` `(n,)` says whether the output would be an error if it were accepted,
    `groups` `(n,)` names what must not be divided: a patient, or a block of neighbouring scans.
    """

    name: str
    scores: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    groups: NDArray[np.str_]

    def __post_init__(self) -> None:
        if not (self.scores.ndim == 1 and self.scores.shape == self.wrong.shape == self.groups.shape):
            raise DataError(
                Text(
                    "prediction.scores-groups",
                    "scores, errors and groups of {name} do not belong together",
                    name=self.name,
                )
            )
        if not len(self.scores) or not np.isfinite(self.scores).all():
            raise DataError(
                Text(
                    "prediction.least-one-scan",
                    "{name} needs at least one scan, with a finite score each",
                    name=self.name,
                )
            )


def controlled_threshold(scores: ArrayLike, wrong: ArrayLike, *, alpha: float) -> float:
    """The largest threshold at which accepting every score up to it controls the risk at `alpha`.

    `NOTHING` where even the smallest would be too much; infinite where everything may be accepted.
    """
    values, errors = np.asarray(scores, dtype=np.float64), np.asarray(wrong, dtype=bool)
    if not 0 < alpha < 1:
        raise DataError(
            Text("prediction.risk-range", "the risk to control must lie between 0 and 1, not {risk}", risk=alpha)
        )
    allowed = int(np.floor(alpha * (len(values) + 1) - 1 + 1e-9))
    if allowed < 0:
        return NOTHING
    errors_at = np.sort(values[errors])
    if len(errors_at) <= allowed:
        return float(np.inf)
    # The next error must stay outside, and everything below it may be accepted.
    return float(np.nextafter(errors_at[allowed], -np.inf))


def smallest_threshold(sources: Mapping[str, RiskSource], *, alpha: float) -> float:
    """The threshold that controls the risk in every source separately."""
    return min(controlled_threshold(one.scores, one.wrong, alpha=alpha) for one in sources.values())


def folds_of(groups: NDArray[np.str_], *, folds: int) -> NDArray[np.int64]:
    """The fold of every scan, `(n,)`: whole groups, dealt in their order so that folds are nearly equally large.

    Raises DataError where there are fewer groups than folds.
    """
    names, counts = np.unique(groups, return_counts=True)
    if len(names) < folds:
        raise DataError(
            Text(
                "prediction.folds",
                "{count} groups cannot be dealt into {folds} folds; give scans of more patients",
                count=len(names),
                folds=folds,
            )
        )
    filled = np.zeros(folds, dtype=np.int64)
    where: dict[str, int] = {}
    for index in np.argsort(-counts, kind="stable"):
        fold = int(filled.argmin())
        where[str(names[index])] = fold
        filled[fold] += counts[index]
    return np.array([where[str(group)] for group in groups], dtype=np.int64)
