"""One state of a model on a hospital's scans, each figure beside the same on the model's own test set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meddef_core.errors import MedDefError
from meddef_core.evaluation.metrics import auroc, confusion, expected_calibration_error, wilson
from meddef_core.evaluation.selective import risk_coverage
from meddef_core.prediction import Fitted
from meddef_core.prediction.calibration import error_interval
from meddef_core.prediction.gaussian import Array
from meddef_core.prediction.guarantee import share
from meddef_core.prediction.operating import Proportion
from meddef_core.prediction.taken import Taken, take
from meddef_core.records import figures_of
from meddef_core.records.external import Hits, OfLabel, RiskCoverageCurve
from meddef_core.records.site import Figure, SiteRow, State, WorstScan
from meddef_core.site.compare import Estimate, figure, share_figure
from meddef_core.site.folder import SiteSource
from meddef_core.studies.external import EPS, fit_of
from meddef_core.studies.external_outputs import ScanOutputs
from meddef_core.training.offsets import NO_FINDING
from meddef_core.zoo import LoadedModel

WORST = 12
"""Scans that are named as the worst cases."""


@dataclass(frozen=True, eq=False)
class Judged:
    """How scans were taken, `(n,)` each: errors by the labels, and the two kinds that they are made of."""

    labels: NDArray[np.int64]
    taken: Taken
    accepted: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    certain: NDArray[np.bool_]
    missed: NDArray[np.bool_]


def judged(model: LoadedModel, source: SiteSource, seen: ScanOutputs) -> Judged:
    """The scans as this model takes them, by what is fitted for it; ModelError where nothing is."""
    fitted = fit_of(model)
    taken = take(
        fitted.detector, seen.clean.statistics, seen.clean.logits,
        temperature=fitted.card.temperature, slope=fitted.card.temperature_slope,
    )  # fmt: skip
    classes = model.task.classes
    different = taken.predicted != seen.labels
    missed = different & (taken.predicted == classes.index(NO_FINDING))
    return Judged(
        labels=seen.labels,
        taken=taken,
        accepted=taken.accepted & ~seen.refused,
        wrong=source.wrong(classes, seen.labels, taken.predicted),
        certain=different & ~missed,
        missed=missed,
    )


def site_row(model: LoadedModel, source: SiteSource, seen: ScanOutputs, *, state: State) -> SiteRow:
    """The figures of one state; `seen` may hold attacked scans too."""
    fitted, found, classes = fit_of(model), judged(model, source, seen), model.task.classes
    test, labels, predicted = _Test(model, fitted), found.labels, found.taken.predicted
    n, here = len(labels), np.unique(labels)
    correct = predicted == labels
    scores = np.where(seen.refused, np.inf, found.taken.scores)
    scores[np.isinf(scores)] = found.taken.scores.max() + 1
    curve = risk_coverage(scores, found.wrong)
    healthy = labels == classes.index(NO_FINDING)
    recalls = {classes[k]: _recall(correct, labels, k) for k in here}
    return SiteRow(
        state=state,
        n=n,
        accuracy=share_figure(Proportion(int(correct.sum()), n), test.accuracy()),
        balanced_accuracy=figure(balanced(correct, labels, here), test.balanced(here)),
        recalls={name: share_figure(each, test.recall(classes.index(name))) for name, each in recalls.items()},
        calibration_error=figure(_calibration(found.taken.shares, labels), test.calibration()),
        confidence=float(found.taken.confidence.mean()),
        accepted=share_figure(Proportion(int(found.accepted.sum()), n), test.counted("accepted")),
        wrong_and_accepted=share_figure(
            Proportion(int((found.accepted & found.wrong).sum()), n), test.counted("wrong_and_accepted")
        ),
        certain_and_accepted=_hits(found.accepted & found.certain),
        missed_and_accepted=_hits(found.accepted & found.missed),
        healthy_given_a_finding_and_accepted=(
            _hits((found.accepted & found.certain)[healthy]) if healthy.any() else None
        ),
        balanced_on_accepted=_on_accepted(found, here, test),
        by_label={classes[k]: _of_label(found, k, classes) for k in here},
        auroc=_areas(found.taken.shares, labels, classes),
        curve=RiskCoverageCurve(coverages=curve.coverages, risks=curve.risks, aurc=curve.aurc),
        robust=_robust(seen, test),
    )


def balanced(correct: NDArray[np.bool_], labels: NDArray[np.int64], classes: NDArray[np.int64]) -> Estimate:
    """The mean share of `correct` over the classes that are there, with its square-and-add interval."""
    counts = [(int(correct[labels == k].sum()), int((labels == k).sum())) for k in classes]
    shares = np.array([hits / total for hits, total in counts])
    limits = np.array([wilson(hits, total) for hits, total in counts])
    below, above = np.linalg.norm(limits - shares[:, None], axis=0) / len(counts)
    return Estimate(float(shares.mean()), (float(shares.mean() - below), float(shares.mean() + above)), len(labels))


def worst_scans(
    model: LoadedModel, source: SiteSource, seen: ScanOutputs, *, rows: Sequence[int], most: int = WORST
) -> tuple[tuple[WorstScan, ...], tuple[int, ...]]:
    """Errors by the labels, accepted ones first, the surest first; and their places in the source.

    `rows` gives the row number of each place of the source in the sorted folder.
    """
    found, classes = judged(model, source, seen), model.task.classes
    order = np.lexsort((-found.taken.confidence, ~found.accepted))
    chosen = [int(k) for k in order if found.wrong[k]][:most]
    scans = tuple(
        WorstScan(
            row=rows[int(seen.places[k])],
            id=seen.digests[k][:8],
            label=classes[found.labels[k]],
            output=classes[found.taken.predicted[k]],
            probability=float(found.taken.confidence[k]),
            accepted=bool(found.accepted[k]),
        )
        for k in chosen
    )
    return scans, tuple(int(seen.places[k]) for k in chosen)


class _Test:
    """What is known of a model on its own test set, from its fit and its card; None for what is not."""

    def __init__(self, model: LoadedModel, fitted: Fitted) -> None:
        # The figures of the weights that ship, whatever was adjusted since.
        self.model, self.card, self.test = model, fitted.card, fitted.test

    def accuracy(self) -> Proportion:
        right = self._correct()
        return Proportion(int(right.sum()), len(right))

    def recall(self, label: int) -> Proportion | None:
        there = self.test.labels == label
        return Proportion(int(self._correct()[there].sum()), int(there.sum())) if there.any() else None

    def balanced(self, classes: NDArray[np.int64]) -> Estimate | None:
        if not np.isin(classes, self.test.labels).all():
            return None
        return balanced(self._correct(), self.test.labels, classes)

    def counted(self, key: str) -> Proportion | None:
        found: Mapping[str, Any] | None = self.card.test.get("accepted", {}).get(key)
        return None if found is None else Proportion(int(found["hits"]), int(found["n"]))

    def calibration(self) -> Estimate | None:
        found = self.card.test.get("calibration")
        if found is None:
            return None
        low, high = found["interval"]
        return Estimate(found["calibrated"]["expected_calibration_error"], (low, high), int(found["n"]))

    def robust(self) -> Proportion | None:
        """Accuracy under PGD-20 at the report's epsilon, where the card has it."""
        try:
            figures = figures_of(self.model.card.metrics)
        except MedDefError:  # a card without figures, such as one of a model that was never published
            return None
        for row in figures.attacked:
            if row.spec.name == "pgd" and abs(row.eps - EPS) < 1e-6:
                return Proportion(round(row.accuracy * figures.n), figures.n)
        return None

    def _correct(self) -> NDArray[np.bool_]:
        return np.asarray(self.test.logits.argmax(axis=1) == self.test.labels)


def _recall(correct: NDArray[np.bool_], labels: NDArray[np.int64], label: int) -> Proportion:
    own = correct[labels == label]
    return Proportion(int(own.sum()), len(own))


def _hits(hits: NDArray[np.bool_]) -> Hits:
    return Hits.model_validate(share(hits))


def _calibration(shares: Array, labels: NDArray[np.int64]) -> Estimate:
    low, high = error_interval(shares, labels)
    return Estimate(expected_calibration_error(shares, labels), (low, high), len(labels))


def _on_accepted(found: Judged, classes: NDArray[np.int64], test: _Test) -> Figure | None:
    """Balanced over the classes with an accepted scan: the share that is no error by the labels, and the test set's."""
    labels = found.labels[found.accepted]
    there = np.array([k for k in classes if (labels == k).any()], dtype=np.int64)
    if not len(there):
        return None
    return figure(balanced(~found.wrong[found.accepted], labels, there), test.balanced(there))


def _of_label(found: Judged, label: int, classes: Sequence[str]) -> OfLabel:
    own = found.labels == label
    table = confusion(found.labels, found.taken.predicted, classes=len(classes))[label]
    shown = np.bincount(found.taken.predicted[own & found.accepted], minlength=len(classes))
    return OfLabel(
        n=int(own.sum()),
        outputs=dict(zip(classes, table.tolist(), strict=True)),
        accepted_as=dict(zip(classes, shown.tolist(), strict=True)),
    )


def _areas(shares: Array, labels: NDArray[np.int64], classes: Sequence[str]) -> dict[str, float]:
    """The area under the ROC curve of each class that some scans have and some have not."""
    areas = {}
    for label in np.unique(labels):
        both = np.stack([1 - shares[:, label], shares[:, label]], axis=1)
        areas[classes[label]] = float(auroc(both, (labels == label).astype(np.int64))[1])
    return areas


def _robust(seen: ScanOutputs, test: _Test) -> Figure | None:
    """A scan withstands if its output is correct as it is and under the attack."""
    if seen.attacked is None:
        return None
    held = (seen.clean.logits.argmax(axis=1) == seen.labels) & (seen.attacked.logits.argmax(axis=1) == seen.labels)
    return share_figure(Proportion(int(held.sum()), len(held)), test.robust())
