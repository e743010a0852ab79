"""From which score a picture is a page: chosen on scans, so that few of any source are flagged, and cross-fitted."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from meddef_core.prediction.gaussian import Array

ALLOWED = 0.005
"""Share of single scans that may be taken for a page, in each source separately."""

FOLDS = 5


def page_limit(scores: Mapping[str, Array]) -> float:
    """The lowest limit above which at most `ALLOWED` of every source's scans lie; scores `(n,)` by source."""
    return max(float(np.quantile(found, 1 - ALLOWED, method="higher")) for found in scores.values())


def flagged_out_of_fold(scores: Mapping[str, Array], groups: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Scans of each source above the limit that the other folds of all sources choose."""
    folds = {name: fold_of(groups[name]) for name in scores}
    flagged = dict.fromkeys(scores, 0)
    for fold in range(FOLDS):
        limit = page_limit({name: found[folds[name] != fold] for name, found in scores.items()})
        for name, found in scores.items():
            flagged[name] += int((found[folds[name] == fold] > limit).sum())
    return flagged


def fold_of(groups: Sequence[str]) -> NDArray[np.int64]:
    """The fold of each scan, `(n,)`: groups in alphabetical order are dealt out in turn."""
    order = {group: place % FOLDS for place, group in enumerate(sorted(set(groups)))}
    return np.array([order[group] for group in groups], dtype=np.int64)
