"""Limits of abstention chosen by conformal risk control, and what they are worth on scans they were not chosen on.

Two questions are asked of a scan. Is it such a scan at all? The limit of its distance is chosen on scans of the other
task and on pictures that are no scan, all of which would be wrong if they were accepted. Is the evidence for the class
strong enough? The limits of the outputs are chosen on the development half of another hospital, where the data folder
holds it, one group of classes at a time: the share of its scans that are accepted and wrong stays below the group's
alpha, and in all below their sum. What a card reports of the other hospital is out of fold: every scan is judged by
limits chosen without its patient or block of neighbours. The guarantee holds for scans like those of the sources, not
for every hospital.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from meddef_core.data.external import DevelopmentSet, development_set, external_lists
from meddef_core.data.images import load_images
from meddef_core.evaluation.metrics import counted_share
from meddef_core.model import MedDef
from meddef_core.prediction.abstention import LEAST_BEYOND, Detector
from meddef_core.prediction.calibration import fit_slope
from meddef_core.prediction.gaussian import Array
from meddef_core.prediction.outliers import Outlier
from meddef_core.prediction.risk_control import FOLDS, RiskSource, controlled_threshold, folds_of, smallest_threshold
from meddef_core.prediction.statistics import BATCH, STATISTICS, describe
from meddef_core.prediction.taken import Taken, in_place_of, take
from meddef_core.zoo import LoadedModel

ALPHAS: Mapping[str, Mapping[tuple[str, ...], float]] = {
    "oct": {("CNV",): 0.01, ("DME",): 0.01, ("DRUSEN",): 0.005, ("NORMAL",): 0.07},
    "chest": {("NORMAL", "PNEUMONIA"): 0.05},
}
"""Largest share of another hospital's scans that are wrong and accepted, by task and group of outputs.

A healthy retina that is given a finding counts most. NORMAL has the larger share, because labels there are per volume:
about half of the slices that count as missed show no lesion.
"""

PICTURES_ALPHA = 0.03
"""Largest share of pictures that are no such scan and are accepted, in every source."""

REMARK_ALPHA = 0.02
"""Largest share of wrong outputs that are accepted without a warning, in every source."""

EVERYTHING = LEAST_BEYOND - 1.0
"""A limit that every distance exceeds: the model abstains always."""

NEVER = -1e6
"""A limit that every score of an output exceeds: the class is never shown."""


def alpha_of(task: str) -> float:
    """The share of another hospital's scans that may be wrong and accepted in all."""
    return sum(ALPHAS[task].values())


@dataclass(frozen=True, eq=False)
class OtherHospital:
    """A development set as one model sees it: statistics by name, logits `(n, K)`, labels `(n,)` and groups `(n,)`.

    Where the model carries offsets that were chosen on the same scans, `offsets_by_fold` `(FOLDS, K)` are what turns
    them into those that were chosen without a fold; else None.
    """

    about: DevelopmentSet
    classes: tuple[str, ...]
    statistics: Mapping[str, Array]
    logits: Array
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    offsets_by_fold: Array | None = None

    @property
    def folds(self) -> NDArray[np.int64]:
        """The fold of every scan; groups stay together."""
        return folds_of(self.groups, folds=FOLDS)

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which outputs would be errors if they were accepted."""
        return self.wrong_as(self.logits.argmax(axis=1))

    def wrong_as(self, predicted: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these outputs, one a scan, would be errors."""
        names = self.classes
        pairs = zip(self.labels, predicted, strict=True)
        return np.array([self.about.is_wrong(names[label], names[output]) for label, output in pairs])

    def of(self, these: NDArray[np.bool_]) -> "OtherHospital":
        """Some of the scans."""
        statistics = {name: rows[these] for name, rows in self.statistics.items()}
        return replace(
            self, statistics=statistics, logits=self.logits[these], labels=self.labels[these], groups=self.groups[these]
        )

    def seen_without(self, fold: int) -> "OtherHospital":
        """All scans, with the offsets that were chosen without those of the fold."""
        if self.offsets_by_fold is None:
            return self
        return replace(self, logits=self.logits + self.offsets_by_fold[fold])


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures that are no scan of the task, by source: their statistics, and the folds of each source."""

    sources: Mapping[str, Mapping[str, Array]]
    groups: Mapping[str, NDArray[np.str_]]

    def distances(self, detector: Detector, *, without: int | None = None) -> dict[str, RiskSource]:
        """What the limit of the distance is chosen on, but for one fold of every source."""
        found = {}
        for name, statistics in self.sources.items():
            groups, scores = self.groups[name], detector.scores(statistics)
            kept = np.ones(len(scores), dtype=bool)
            if without is not None:
                kept = folds_of(groups, folds=FOLDS) != without
            found[name] = RiskSource(name, scores[kept], np.ones(int(kept.sum()), dtype=bool), groups[kept])
        return found


def other_hospital(model: LoadedModel, network: MedDef, data_dir: Path) -> OtherHospital | None:
    """The development set of a model's task through its preprocessing; None where the data folder holds none."""
    about = development_set(model.task, data_dir)
    if about is None:
        return None
    lists = external_lists(model.task, data_dir, about.folder)
    images = load_images(lists, "test", preprocessing=model.preprocessing, data_dir=data_dir)
    x, labels = images.batch(slice(0, len(images)))
    with torch.inference_mode():
        logits = torch.cat([network(batch) for batch in x.split(BATCH)]).double().numpy()
    groups = np.array([item.patient for item in images.items])
    by_fold = (model.card.training.get("offsets") or {}).get("added_by_fold")
    offsets = None if by_fold is None else np.array(by_fold, dtype=np.float64)
    return OtherHospital(about, model.task.classes, describe(network, x), logits, labels.numpy(), groups, offsets)


def pictures(outliers: Sequence[Outlier], found: Mapping[str, Array]) -> Pictures:
    """Scans of the other task and other pictures; `found` are the statistics of `outliers`, in their order."""
    of_task = np.array([one.kind == "other task" for one in outliers])
    origins = np.array([one.source for one in outliers])
    chosen = {name: these for name, these in (("other task", of_task), ("other pictures", ~of_task)) if these.any()}
    return Pictures(
        {name: {key: found[key][these] for key in STATISTICS} for name, these in chosen.items()},
        {name: origins[these] for name, these in chosen.items()},
    )


def controlled(
    detector: Detector, others: Pictures, hospital: OtherHospital | None, *, without: int | None = None
) -> Detector:
    """The detector with limits low enough for every source, but for the scans of one fold; they are never raised."""
    chosen = others.distances(detector, without=without)
    refused = min(detector.refused_above, smallest_threshold(chosen, alpha=PICTURES_ALPHA))
    outputs = detector.outputs
    if hospital is not None:
        seen = hospital if without is None else hospital.seen_without(without).of(hospital.folds != without)
        distances = detector.scores(seen.statistics)
        chosen["other hospital"] = RiskSource("other hospital", distances, seen.wrong, seen.groups)
        if outputs is None:
            alpha = alpha_of(seen.about.task)
            refused = min(refused, controlled_threshold(distances, seen.wrong, alpha=alpha))
        else:
            scores, predicted = outputs.scores(distances, seen.logits), seen.logits.argmax(axis=1)
            limits = outputs.limits.copy()
            for group, alpha in ALPHAS[seen.about.task].items():
                places = [seen.classes.index(name) for name in group]
                errors = seen.wrong & np.isin(predicted, places)
                limits[places] = max(controlled_threshold(scores, errors, alpha=alpha), NEVER)
            outputs = replace(outputs, limits=limits)
    unusual = min(detector.unusual_above, refused, smallest_threshold(chosen, alpha=REMARK_ALPHA))
    return replace(
        detector, outputs=outputs, unusual_above=max(unusual, EVERYTHING), refused_above=max(refused, EVERYTHING)
    )


def slope_of(detector: Detector, hospital: OtherHospital | None, *, temperature: float) -> float:
    """How the temperature grows with the distance, fitted on the other hospital; 0 without one."""
    if hospital is None:
        return 0.0
    distances = detector.scores(hospital.statistics)
    return fit_slope(hospital.logits, hospital.labels, distances, temperature=temperature)


def figures(
    detector: Detector, others: Pictures, hospital: OtherHospital | None, *, task: str, temperature: float
) -> dict[str, Any]:
    """What the card says of the guarantee; shares of the other hospital are out of fold.

    `detector` is the one before its limits were chosen.
    """
    said: dict[str, Any] = {
        "alpha": alpha_of(task),
        "alpha_by_output": {" or ".join(group): alpha for group, alpha in ALPHAS[task].items()},
        "pictures_alpha": PICTURES_ALPHA,
        "without_remark_alpha": REMARK_ALPHA,
        "sources": {
            name: {"n": len(groups), "groups": len(np.unique(groups))} for name, groups in others.groups.items()
        },
    }
    if hospital is None:
        return said
    about, names = hospital.about, np.array(hospital.classes)
    said["sources"][about.key] = {"n": len(hospital.labels), "groups": len(np.unique(hospital.groups))}
    limits = limits_by_fold(detector, others, hospital, temperature=temperature)
    said["by_fold"] = [each.as_json() for each in limits]
    outcome = out_of_fold(hospital, limits, temperature=temperature)
    wrong = hospital.wrong_as(outcome.predicted)
    labels, outputs = names[hospital.labels], names[outcome.predicted]
    said["other_hospital"] = {
        "key": about.key,
        "title": about.title,
        "labels": about.labels,
        "folds": FOLDS,
        "accepted": share(outcome.accepted),
        "without_remark": share(outcome.accepted & ~outcome.remarked),
        "wrong_and_accepted": share(outcome.accepted & wrong),
        "confidence": float(outcome.confidence.mean()),
        "accuracy": float((outcome.predicted == hospital.labels).mean()),
        "by_label": {
            str(label): {
                "n": int((labels == label).sum()),
                "accepted": share(outcome.accepted[labels == label]),
                "accepted_as": {
                    str(output): int((outcome.accepted & (labels == label) & (outputs == output)).sum())
                    for output in np.unique(outputs)
                },
            }
            for label in np.unique(labels)
        },
    }
    return said


@dataclass(frozen=True, eq=False)
class FoldLimits:
    """What one fold's scans are judged by: limits and a slope that were chosen without it."""

    detector: Detector
    slope: float

    def as_json(self) -> dict[str, Any]:
        """What the card holds, so that the fold can be judged again."""
        outputs = self.detector.outputs
        limits = None if outputs is None else [float(x) if np.isfinite(x) else None for x in outputs.limits]
        return {
            "unusual_above": self.detector.unusual_above,
            "refused_above": self.detector.refused_above,
            "limits": limits,
            "slope": self.slope,
        }


def limits_by_fold(
    detector: Detector, others: Pictures, hospital: OtherHospital, *, temperature: float
) -> tuple[FoldLimits, ...]:
    """Chosen without each fold in turn."""
    chosen = []
    for fold in range(FOLDS):
        seen = hospital.seen_without(fold).of(hospital.folds != fold)
        slope = slope_of(detector, seen, temperature=temperature)
        chosen.append(FoldLimits(controlled(detector, others, hospital, without=fold), slope))
    return tuple(chosen)


def limits_of_card(detector: Detector, by_fold: Sequence[Mapping[str, Any]]) -> tuple[FoldLimits, ...]:
    """`limits_by_fold` again, from what a card holds; `detector` is the one that is used."""
    chosen = []
    for each in by_fold:
        outputs = detector.outputs
        if outputs is not None and each["limits"] is not None:
            values = np.array([np.inf if value is None else value for value in each["limits"]])
            outputs = replace(outputs, limits=values)
        changed = replace(
            detector, outputs=outputs, unusual_above=each["unusual_above"], refused_above=each["refused_above"]
        )
        chosen.append(FoldLimits(changed, each["slope"]))
    return tuple(chosen)


def out_of_fold(hospital: OtherHospital, limits: Sequence[FoldLimits], *, temperature: float) -> Taken:
    """Every scan of the other hospital as it is taken by limits, offsets and a slope chosen without its fold."""
    taken: Taken | None = None
    for fold, each in enumerate(limits):
        logits = hospital.seen_without(fold).logits
        found = take(each.detector, hospital.statistics, logits, temperature=temperature, slope=each.slope)
        taken = found if taken is None else in_place_of(taken, found, hospital.folds == fold)
    assert taken is not None  # there are folds
    return taken


def share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    """A share with its Wilson interval, as records and cards hold it."""
    return counted_share(int(hits.sum()), len(hits))
