"""Is this such a scan at all? A detector that knows a task's training scans and refuses what is far from all of them.

Six statistics of a picture (`statistics`) have a normal distribution each, fitted to training scans; the logarithm of
the distance is put on the scale of validation scans, and the mean of the six is the score: how many spreads a picture
lies beyond the usual one (after Lee et al. 2018, A Simple Unified Framework for Detecting Out-of-Distribution Samples,
arXiv:1807.03888, section 2, with the picture's own statistics beside the network's). It tells other pictures, not
attacks: an attacked scan still is a scan. A scan that is one may be refused all the same, because no class stands out
clearly enough for its distance (`output_limits`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from meddef_core.errors import DataError
from meddef_core.prediction.gaussian import Array, Gaussian, fit_gaussian
from meddef_core.prediction.output_limits import OutputLimits
from meddef_core.prediction.statistics import STATISTICS
from meddef_core.text import Text
from meddef_core.words import listed

Level = Literal["usual", "unusual", "refused"]

Reason = Literal["header", "image", "output"]
"""Where the reason for an abstention lies."""

RANKS = {"edges": 16, "grey levels": 6, "layout": 32, "early features": 32, "middle features": 32, "later features": 32}
"""Components of each statistic's distribution."""

UNUSUAL_SHARE = 0.02
"""Share of validation scans that is called unusual: beyond lies what the model saw hardly anything like."""

LET_THROUGH = 0.01
"""Share of the outliers to choose on that the refusal may let through."""

LEAST_DISTANCE = 1e-3
"""Distances below this have no meaningful logarithm."""

LEAST_BEYOND = -2.0
"""Spreads that a statistic can lie below the usual: a plain grey picture is nearer to the mean layout than any scan,
which must not make up for what else is wrong with it.
"""

KIND_STATISTICS = ("edges", "grey levels")
"""What the kind of a refused picture is told by."""

OTHER_SCANNER = "other scanner"
"""The kind of a scan that is one, and not like those the model learned from."""

CLEARLY = 3.0
"""Spreads beyond the usual at which a statistic is named as a reason."""


@dataclass(frozen=True)
class Familiarity:
    """How much a picture is like the scans the model learned from.

    `score` is in spreads of validation scans beyond the usual one. Above `unusual_above` it is remarked on, above
    `refused_above` the model abstains. `evidence` adds the weakness of the output; above `evidence_limit`, that of the
    predicted class, the model abstains as well (None where outputs have no limit). `differs` names statistics, the most
    different first; `looks_like` the kind of outlier it resembles most, where it is refused for its distance.
    """

    level: Level
    score: float
    unusual_above: float
    refused_above: float
    differs: tuple[str, ...]
    looks_like: str | None
    evidence: float | None = None
    evidence_limit: float | None = None


@dataclass(frozen=True)
class Abstention:
    """Why a model gives no prediction, in one or more sentences, and in what the scan differs from the training scans.

    `differs` names statistics where the `reason` is the image, and attributes where it is the header; what the image
    `looks_like` is told in the first case only, and else "".
    """

    looks_like: str
    differs: tuple[str, ...]
    sentence: str
    reason: Reason = "image"


@dataclass(frozen=True, eq=False)
class Kinds:
    """Tells what a refused picture resembles: linear discriminants `(k, d + 1)` of the kinds, the last a constant."""

    names: tuple[str, ...]
    weights: Array

    def name(self, x: Array) -> str:
        """The kind with the largest discriminant for one row `(d,)`."""
        return self.names[int(np.argmax(self.weights @ np.append(x, 1.0)))]


@dataclass(frozen=True, eq=False)
class Detector:
    """`gaussians`, `middle` and `spread` (of log distances on validation scans) in the order of `STATISTICS`.

    `outputs` limits what is shown of a scan that is one; None where nothing but the distance decides.
    """

    gaussians: tuple[Gaussian, ...]
    middle: Array
    spread: Array
    kinds: Kinds
    unusual_above: float
    refused_above: float
    outputs: OutputLimits | None = None

    def beyond(self, found: Mapping[str, Array]) -> Array:
        """`(n, statistics)`: spreads beyond the usual."""
        return np.maximum((self.logs(found) - self.middle) / self.spread, LEAST_BEYOND)

    def logs(self, found: Mapping[str, Array]) -> Array:
        """`(n, statistics)`: logarithms of the distances, before any scale."""
        logs = [_log_distance(one, found[name]) for one, name in zip(self.gaussians, STATISTICS, strict=True)]
        return np.stack(logs, axis=1)

    def scores(self, found: Mapping[str, Array]) -> Array:
        """`(n,)`: the mean over statistics."""
        return np.asarray(self.beyond(found).mean(axis=1))

    def accepted(self, found: Mapping[str, Array], logits: Array) -> NDArray[np.bool_]:
        """`(n,)`: which outputs `(n, K)` are shown."""
        distances = self.scores(found)
        near = distances <= self.refused_above
        if self.outputs is not None:
            near &= self.outputs.scores(distances, logits) <= self.outputs.limit(logits)
        return np.asarray(near)

    def judge(self, found: Mapping[str, Array], logits: Array) -> Familiarity:
        """One picture's familiarity, from its statistics `(1, d)` each and its logits `(1, K)`."""
        beyond = self.beyond(found)[0]
        score = float(beyond.mean())
        strange = score > self.refused_above
        level: Level = "usual"
        if score > self.unusual_above:
            level = "unusual"
        if not bool(self.accepted(found, logits)[0]):
            level = "refused"
        order = np.argsort(-beyond)
        named = [STATISTICS[i] for i in order if beyond[i] >= CLEARLY] or [STATISTICS[int(order[0])]]
        looks = self.kinds.name(_kind_row(found)[0]) if strange else None
        differs = () if level == "usual" else tuple(named[:3])
        judged = Familiarity(level, score, self.unusual_above, self.refused_above, differs, looks)
        if self.outputs is None:
            return judged
        limit = float(self.outputs.limit(logits)[0])
        evidence = float(self.outputs.scores(np.array([score]), logits)[0])
        return replace(judged, evidence=evidence, evidence_limit=limit if np.isfinite(limit) else None)


def abstention_of(familiarity: Familiarity | None, *, modality: str) -> Abstention | None:
    """The refusal in words; None where the picture is accepted or nothing is known of it."""
    if familiarity is None or familiarity.level != "refused":
        return None
    looks, differs = familiarity.looks_like, familiarity.differs
    if looks is None:
        sentence = Text(
            "prediction.no-class-stands-out",
            "No class is clear enough to be shown for this {modality}: it is unlike the scans the model was "
            "trained on in its {differs}.",
            modality=modality,
            differs=listed(differs),
        )
        return Abstention("", differs, sentence, "output")
    sentence = Text(
        "prediction.image-unlike",
        "This image is unlike the {modality}s the model was trained on; it looks most like {kind}. It differs in its "
        "{differs}.",
        modality=modality,
        kind=PHRASES[looks],
        differs=listed(differs),
    )
    return Abstention(looks, differs, sentence)


PHRASES = {
    "other task": Text("prediction.scan-another", "a scan of another kind"),
    "photograph": Text("prediction.photograph", "a photograph"),
    OTHER_SCANNER: Text("prediction.scan-from", "a scan from another device, hospital or age group"),
    "other modality": Text("prediction.image-another", "an image of another modality, such as CT, MR or ultrasound"),
    "texture": Text("prediction.drawn-texture", "a drawn texture"),
    "noise": Text("prediction.noise", "noise"),
    "blank": Text("prediction.blank-sheet", "a blank sheet"),
    "text": Text("prediction.page-text", "a page of text"),
}
"""What an outlier of each kind is called."""


def fit_detector(
    train: Mapping[str, Array],
    val: Mapping[str, Array],
    *,
    others: Mapping[str, Array],
    kinds: Sequence[str],
    scanner: Mapping[str, Array] | None = None,
) -> Detector:
    """Fit to the statistics of training scans, scale by validation scans, and choose what is refused.

    Unusual is what lies above `1 - UNUSUAL_SHARE` of validation scans. Refused is what lies above `LET_THROUGH` of the
    outliers to choose on (`others`, with their `kinds`), and never what is not even unusual. Scans of another
    `scanner`, where there are any, only teach the detector to name such scans.
    """
    if len(kinds) != len(others[STATISTICS[0]]):
        raise DataError(Text("prediction.outlier-kinds", "every outlier needs its kind"))
    gaussians = tuple(fit_gaussian(train[name], rank=RANKS[name]) for name in STATISTICS)
    logs = np.stack([_log_distance(g, val[name]) for g, name in zip(gaussians, STATISTICS, strict=True)], axis=1)
    kinds_of, named = dict(others), list(kinds)
    if scanner is not None:
        kinds_of = {name: np.concatenate([others[name], scanner[name]]) for name in KIND_STATISTICS}
        named += [OTHER_SCANNER] * len(scanner[STATISTICS[0]])
    draft = Detector(gaussians, logs.mean(axis=0), logs.std(axis=0) + 1e-6, _fit_kinds(kinds_of, named), 0.0, 0.0)
    unusual = float(np.quantile(draft.scores(val), 1 - UNUSUAL_SHARE))
    refused = max(unusual, float(np.quantile(draft.scores(others), LET_THROUGH)))
    return Detector(gaussians, draft.middle, draft.spread, draft.kinds, unusual, refused)


def _fit_kinds(others: Mapping[str, Array], kinds: Sequence[str]) -> Kinds:
    """Fisher's linear discriminants with one shared, shrunken covariance and equal priors."""
    x, names = _kind_row(others), tuple(sorted(set(kinds)))
    which = np.array([names.index(kind) for kind in kinds])
    centres = np.stack([x[which == k].mean(axis=0) for k in range(len(names))])
    within = np.cov((x - centres[which]).T)
    shrunk = within + 0.1 * np.diag(np.diag(within) + 1e-6)
    directions = np.linalg.solve(shrunk, centres.T).T
    return Kinds(names, np.hstack([directions, -0.5 * (directions * centres).sum(axis=1, keepdims=True)]))


def _kind_row(found: Mapping[str, Array]) -> NDArray[np.float64]:
    return np.hstack([found[name] for name in KIND_STATISTICS])


def _log_distance(gaussian: Gaussian, x: Array) -> Array:
    return np.log(np.maximum(gaussian.distance(x), LEAST_DISTANCE))
