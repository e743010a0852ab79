"""Accuracy, recall and calibration as numbers with intervals. NumPy in, plain numbers out.

What is undefined raises DataError instead of becoming a number: the recall of a class no image has, a share of nothing.
"""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from meddef_core.errors import DataError
from meddef_core.evaluation.reliability import BINS, calibration_error, reliability
from meddef_core.text import Text

LABELS = Text("evaluation.labels", "labels")


def confusion(labels: ArrayLike, predictions: ArrayLike, *, classes: int) -> NDArray[np.int64]:
    """`(classes, classes)` counts: row is the label, column the prediction. Both are `(n,)` class numbers."""
    truth = _class_numbers(labels, classes=classes, what=LABELS)
    guess = _class_numbers(predictions, classes=classes, what=Text("evaluation.predictions", "predictions"))
    if len(truth) != len(guess):
        raise DataError(
            Text(
                "evaluation.labels-predictions",
                "{labels} labels and {predictions} predictions do not belong together",
                labels=len(truth),
                predictions=len(guess),
            )
        )
    return np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)


def recalls(labels: ArrayLike, predictions: ArrayLike, *, classes: int) -> NDArray[np.float64]:
    """`(classes,)`: of the images of each class, the share that is predicted so."""
    hits, totals = _hits_and_totals(labels, predictions, classes=classes)
    return hits / totals


def balanced_accuracy(labels: ArrayLike, predictions: ArrayLike, *, classes: int) -> float:
    """The mean recall: what accuracy would be if every class had as many images."""
    return float(recalls(labels, predictions, classes=classes).mean())


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a binomial share (Wilson 1927): sensible near 0 and 1, where robust accuracy lives."""
    if n < 1:
        raise DataError(Text("evaluation.share-of-none", "a share of no images is undefined; give at least one"))
    if not 0 <= successes <= n:
        raise DataError(Text("evaluation.no-share", "{successes} of {n} is no share", successes=successes, n=n))
    z = _two_sided_z(confidence)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the limit is exact in theory; rounding must not move the share out of its own interval.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def counted_share(hits: int, n: int) -> dict[str, Any]:
    """`hits` of `n` as a share with its interval, the way records and cards hold it."""
    return {"share": hits / n, "hits": hits, "n": n, "interval": list(wilson(hits, n))}


def balanced_interval(
    labels: ArrayLike, predictions: ArrayLike, *, classes: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the balanced accuracy, from each recall's Wilson interval by "square and add".

    The recalls are independent shares r_k with limits l_k and u_k, and the balanced accuracy is their mean, so the
    limits lie sqrt(sum (r_k - l_k)^2)/K below it and sqrt(sum (u_k - r_k)^2)/K above (Newcombe 1998; Zou and Donner
    2008, method of variance estimates recovery). Unlike the delta method it keeps a width when every recall is 1.
    """
    hits, totals = _hits_and_totals(labels, predictions, classes=classes)
    shares = hits / totals
    limits = np.array([wilson(int(h), int(n), confidence) for h, n in zip(hits, totals, strict=True)])
    below, above = np.linalg.norm(limits - shares[:, None], axis=0) / classes
    return float(shares.mean() - below), float(shares.mean() + above)


def expected_calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of confidence (Guo et al. 2017, section 2).

    `probabilities` is `(n, classes)` with rows that sum to 1; `labels` is `(n,)`. The bins are open below and closed
    above, weighted by how many images they hold.
    """
    table = np.asarray(probabilities, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape:
        raise DataError(
            Text(
                "evaluation.probabilities-shape",
                "probabilities must have the shape (images, classes), not {shape}",
                shape=table.shape,
            )
        )
    if not (table >= 0).all() or not np.allclose(table.sum(axis=1), 1, atol=1e-3):
        raise DataError(
            Text(
                "evaluation.probabilities-sum",
                "probabilities must be finite, not negative, and sum to 1 for each image",
            )
        )
    truth = _class_numbers(labels, classes=table.shape[1], what=LABELS)
    if len(truth) != len(table):
        raise DataError(
            Text(
                "evaluation.labels-probabilities",
                "{labels} labels and {rows} rows of probabilities do not belong together",
                labels=len(truth),
                rows=len(table),
            )
        )
    return calibration_error(reliability(table, truth, bins=bins))


def auroc(scores: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """`(classes,)` areas under the ROC curve, each class against all others (Hand and Till 2001 discuss the choice).

    `scores` is `(n, classes)`, any values that rank images alike. The area is the chance that an image of the class
    scores above one of another class, ties counting half (Hanley and McNeil 1982): Mann and Whitney's U as a share.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape or not np.isfinite(table).all():
        raise DataError(
            Text(
                "evaluation.scores-shape",
                "scores must be finite and have the shape (images, classes), not {shape}",
                shape=table.shape,
            )
        )
    truth = _class_numbers(labels, classes=table.shape[1], what=LABELS)
    if len(truth) != len(table):
        raise DataError(
            Text(
                "evaluation.labels-scores",
                "{labels} labels and {rows} rows of scores do not belong together",
                labels=len(truth),
                rows=len(table),
            )
        )
    counts = np.bincount(truth, minlength=table.shape[1])
    if (counts == 0).any() or (counts == len(table)).any():
        raise DataError(
            Text("evaluation.roc-classes", "an area under the ROC curve needs images of every class and of others")
        )
    ranks = rankdata(table, axis=0)
    own = np.array([ranks[truth == index, index].sum() for index in range(table.shape[1])])
    return (own - counts * (counts + 1) / 2) / (counts * (len(table) - counts))


def mcnemar(b: int, c: int) -> float:
    """Two-sided exact p of McNemar's test between two models on the same images (McNemar 1947).

    `b` images are right with the first model only and `c` with the second only; if neither is better, each of these
    is as likely on either side: b is binomial(b + c, 1/2). Without a differing image p is 1.
    """
    if min(b, c) < 0:
        raise DataError(
            Text(
                "evaluation.negative-counts",
                "counts of images cannot be negative, as of {one} and {other}",
                one=b,
                other=c,
            )
        )
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1))
    return min(1.0, float(2 * tail / 2 ** (b + c)))


def _hits_and_totals(
    labels: ArrayLike, predictions: ArrayLike, *, classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    counts = confusion(labels, predictions, classes=classes)
    totals = counts.sum(axis=1)
    if (missing := np.flatnonzero(totals == 0)).size:
        raise DataError(
            Text(
                "evaluation.class-no-image",
                "class {number} has no image, so its recall and the balanced accuracy are undefined",
                number=missing[0],
            )
        )
    return counts.diagonal(), totals


def _class_numbers(values: ArrayLike, *, classes: int, what: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            Text("evaluation.class-numbers", "{what} must be a list of at least one whole class number", what=what)
        )
    if array.min() < 0 or array.max() >= classes:
        raise DataError(
            Text(
                "evaluation.class-range",
                "{what} must lie between 0 and {last}, not {least} to {most}",
                what=what,
                last=classes - 1,
                least=array.min(),
                most=array.max(),
            )
        )
    return array.astype(np.int64)


def _two_sided_z(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise DataError(
            Text(
                "evaluation.confidence-range",
                "confidence must lie between 0 and 1 (0.95, say), not {confidence}",
                confidence=confidence,
            )
        )
    return NormalDist().inv_cdf((1 + confidence) / 2)
