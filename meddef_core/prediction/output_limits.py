"""Is the evidence for a class strong enough to show it? The second question of abstention, after "is it such a scan?".

A scan from another device lies further from the training scans than usual, and its output may still be right: the
further away a scan is, the stronger its output must be. The score adds how far the largest logit lies below that of
validation scans to the distance from the training scans, both in spreads of validation scans; every class has a limit
of its own, because its errors do not weigh the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from meddef_core.prediction.gaussian import Array

WEIGHTS: Mapping[str, float] = {"oct": 1.0}
"""What one spread of the largest logit counts against one spread of distance, by task.

On films of another hospital the logit hardly tells right from wrong outputs: for chest the distance alone decides, and
nothing may be said of a weak output there.
"""


@dataclass(frozen=True, eq=False)
class OutputLimits:
    """`middle` and `spread` are of the largest logit on validation scans; `limits` `(K,)` is the largest score a class.

    A class is not shown where the score exceeds its limit; infinite limits show every output.
    """

    weight: float
    middle: float
    spread: float
    limits: Array

    def scores(self, distances: Array, logits: Array) -> Array:
        """`(n,)`: distances `(n,)` plus the weighted weakness of logits `(n, K)`."""
        return np.asarray(distances + self.weight * (self.middle - logits.max(axis=1)) / self.spread)

    def limit(self, logits: Array) -> Array:
        """`(n,)`: the limit of each predicted class."""
        return np.asarray(self.limits[logits.argmax(axis=1)])


def by_distance(classes: int) -> OutputLimits:
    """The distance alone, without limits yet: for limits by class where the size of a logit tells nothing."""
    return OutputLimits(0.0, 0.0, 1.0, np.full(classes, np.inf))


def output_limits(task: str, val_logits: Array) -> OutputLimits | None:
    """The scale of a model's outputs on validation scans `(n, K)`, without limits yet; None where distance decides."""
    if task not in WEIGHTS:
        return None
    largest = val_logits.max(axis=1)
    spread = float(largest.std()) + 1e-6
    return OutputLimits(WEIGHTS[task], float(largest.mean()), spread, np.full(val_logits.shape[1], np.inf))
