"""What is fitted on a hospital's scans without touching the weights: offsets, temperature and limits of abstention."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meddef_core.prediction import Fitted, fit_temperature
from meddef_core.prediction.calibration import COLDEST, HOTTEST
from meddef_core.prediction.gaussian import Array
from meddef_core.prediction.guarantee import ALPHAS, NEVER
from meddef_core.prediction.output_limits import OutputLimits, by_distance
from meddef_core.prediction.risk_control import FOLDS, folds_of
from meddef_core.records.site import Adjustment, LabelsHold
from meddef_core.site.folder import losses
from meddef_core.studies.external_outputs import ScanOutputs
from meddef_core.tasks import Task
from meddef_core.training.offsets import NO_FINDING, REACH, ROUNDS, STEP
from meddef_core.zoo.site import SiteOutputs

SLICE_ALPHA = 0.05
"""Largest share of scans that are wrong and accepted where labels hold for slices, divided equally among classes."""


@dataclass(frozen=True, eq=False)
class Local:
    """The half to fit, as the network gives it: logits `(n, K)`, labels, groups and the distances of the detector."""

    task: Task
    holds: LabelsHold
    logits: Array
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    distances: Array
    refused: NDArray[np.bool_]

    def of(self, these: NDArray[np.bool_]) -> "Local":
        """Some of the scans."""
        return replace(
            self, logits=self.logits[these], labels=self.labels[these], groups=self.groups[these],
            distances=self.distances[these], refused=self.refused[these],
        )  # fmt: skip

    @property
    def loss(self) -> Array:
        """`(n, K)`: what each output would cost on each scan."""
        return losses(self.task.classes, self.holds)[self.labels]


def local(task: Task, holds: LabelsHold, seen: ScanOutputs, *, groups: Sequence[str], fitted: Fitted) -> Local:
    """The scans of `seen` with their groups, `groups` in the order of the source."""
    own = np.array(groups)[seen.places]
    distances = fitted.detector.scores(seen.clean.statistics)
    return Local(task, holds, seen.clean.logits, seen.labels, own, distances, seen.refused)


def adjusted(found: Local, fitted: Fitted) -> tuple[Adjustment, SiteOutputs]:
    """Everything but the weights, fitted in this order: offsets, then what depends on them."""
    classes = found.task.classes
    offsets = offsets_of(found)
    moved = replace(found, logits=found.logits + offsets)
    temperature = float(np.clip(fit_temperature(moved.logits, moved.labels), COLDEST, HOTTEST))
    scale = fitted.detector.outputs or by_distance(len(classes))
    alphas = alphas_of(found.task, found.holds, n=len(found.labels))
    limits = limits_of(moved, scale, alphas)
    told = tuple(float(value) if np.isfinite(value) else None for value in limits)
    outputs = SiteOutputs(weight=scale.weight, middle=scale.middle, spread=scale.spread, limits=told)
    said = Adjustment(
        temperature=temperature,
        offsets=dict(zip(classes, map(float, offsets), strict=True)),
        alphas={name: alpha for group, alpha in alphas.items() for name in group},
        limits=dict(zip(classes, told, strict=True)),
    )
    return said, outputs


def alphas_of(task: Task, holds: LabelsHold, *, n: int) -> dict[tuple[str, ...], float]:
    """Largest share of scans that are wrong and accepted by group of outputs.

    No smaller one than 1 / (n + 1) can be controlled on n scans but by never showing the class.
    """
    if holds == "volume":
        wanted: Mapping[tuple[str, ...], float] = ALPHAS[task.key]
    else:
        wanted = {(name,): SLICE_ALPHA / len(task.classes) for name in task.classes}
    return {group: max(alpha, 1 / (n + 1)) for group, alpha in wanted.items()}


def limits_of(found: Local, scale: OutputLimits, alphas: Mapping[tuple[str, ...], float]) -> Array:
    """`(K,)`: the largest score at which each class is shown; conformal risk control (Angelopoulos et al. 2022)."""
    scores, predicted = scale.scores(found.distances, found.logits), found.logits.argmax(axis=1)
    loss = found.loss[np.arange(len(predicted)), predicted]
    limits = np.full(len(found.task.classes), np.inf)
    for group, alpha in alphas.items():
        places = [found.task.classes.index(name) for name in group]
        # What a check of header or image refuses is accepted at no limit.
        own = np.where(np.isin(predicted, places) & ~found.refused, loss, 0.0)
        limits[places] = max(controlled(scores, own, alpha=alpha), NEVER)
    return limits


def controlled(scores: Array, loss: Array, *, alpha: float) -> float:
    """The largest threshold at which (sum of the losses of scores up to it + 1) / (n + 1) stays at most alpha.

    As `meddef_core.prediction.risk_control.controlled_threshold`, for losses `(n,)` anywhere in [0, 1].
    """
    order = np.argsort(scores, kind="stable")
    allowed = alpha * (len(scores) + 1) - 1 + 1e-9
    if allowed < 0:
        return -np.inf
    over = np.flatnonzero(np.cumsum(loss[order]) > allowed)
    return float(np.inf) if not len(over) else float(np.nextafter(scores[order][over[0]], -np.inf))


def offsets_of(found: Local) -> Array:
    """`(K,)` offsets, zero unless they help out of fold: what is chosen on four fifths is judged on the last.

    Only NORMAL moves where labels hold for volumes: its labels alone can be trusted.
    """
    zero = np.zeros(len(found.task.classes))
    if len(np.unique(found.groups)) < FOLDS:
        return zero
    folds = folds_of(found.groups, folds=FOLDS)
    predicted = np.empty(len(found.labels), dtype=np.int64)
    for fold in range(FOLDS):
        away, here = found.of(folds != fold), folds == fold
        predicted[here] = (found.logits[here] + best(away)).argmax(axis=1)
    before = _score(found, found.logits.argmax(axis=1)).mean
    return best(found) if _score(found, predicted).mean > before + 1e-9 else zero


def best(found: Local) -> Array:
    """The offsets closest to zero whose loss is, on average over labels, within one standard error of the least.

    The one-standard-error rule (Breiman et al. 1984, Classification and Regression Trees, section 3.4.3): the loss is
    flat near its minimum, and each step away from zero costs accuracy on the scans that the model was trained for.
    """
    classes = found.task.classes
    moving = [classes.index(NO_FINDING)] if found.holds == "volume" else list(range(1, len(classes)))
    grid = np.round(np.arange(-REACH, REACH + STEP / 2, STEP), 2) + 0.0  # no -0.0
    grid = grid[np.argsort(np.abs(grid), kind="stable")]
    chosen = np.zeros(len(classes))
    for _ in range(ROUNDS if len(moving) > 1 else 1):
        for place in moving:
            tried = np.repeat(chosen[None], len(grid), axis=0)
            tried[:, place] = grid
            scores = [_score(found, (found.logits + each).argmax(axis=1)) for each in tried]
            top = max(scores, key=lambda score: score.mean)
            good = [score.mean >= top.mean - top.error - 1e-9 for score in scores]
            chosen = tried[good.index(True)]
    return chosen


class _Score(NamedTuple):
    """One minus the loss, on average over the labels that are there, and its standard error."""

    mean: float
    error: float


def _score(found: Local, predicted: NDArray[np.int64]) -> _Score:
    kept = 1 - found.loss[np.arange(len(predicted)), predicted]
    own = [kept[found.labels == label] for label in np.unique(found.labels)]
    error = np.sqrt(sum(each.var() / len(each) for each in own)) / len(own)
    return _Score(float(np.mean([each.mean() for each in own])), float(error))
