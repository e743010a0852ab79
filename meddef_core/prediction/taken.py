"""How a model takes many scans at once: what it predicts, whether it shows it, and how sure it says it is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meddef_core.prediction.abstention import Detector
from meddef_core.prediction.calibration import calibrate, tempered
from meddef_core.prediction.gaussian import Array


@dataclass(frozen=True, eq=False)
class Taken:
    """One value a scan, `(n,)` each; `shares` `(n, K)` are the probabilities, tempered by distance.

    `scores` rank the scans by what the limits of the outputs are about: the weaker the evidence, the larger.
    """

    shares: Array
    predicted: NDArray[np.int64]
    accepted: NDArray[np.bool_]
    remarked: NDArray[np.bool_]
    scores: Array

    @property
    def confidence(self) -> Array:
        """The stated probability of the predicted class, `(n,)`."""
        return np.asarray(self.shares.max(axis=1))


def take(
    detector: Detector,
    statistics: Mapping[str, Array],
    logits: Array,
    *,
    temperature: float,
    slope: float,
    distances: Array | None = None,
) -> Taken:
    """How outputs `(n, K)` on scans with these statistics are taken; `distances` are those of the clean scans."""
    own = detector.scores(statistics)
    shares = calibrate(tempered(logits, own if distances is None else distances, slope=slope), temperature)
    scores = own if detector.outputs is None else detector.outputs.scores(own, logits)
    return Taken(
        shares=shares,
        predicted=logits.argmax(axis=1),
        accepted=detector.accepted(statistics, logits),
        remarked=np.asarray(own > detector.unusual_above),
        scores=np.asarray(scores),
    )


def in_place_of(first: Taken, second: Taken, where: NDArray[np.bool_]) -> Taken:
    """`first`, with the scans `where` taken as in `second`."""
    rows = where[:, None]
    return Taken(
        shares=np.where(rows, second.shares, first.shares),
        predicted=np.where(where, second.predicted, first.predicted),
        accepted=np.where(where, second.accepted, first.accepted),
        remarked=np.where(where, second.remarked, first.remarked),
        scores=np.where(where, second.scores, first.scores),
    )
