"""A model on scans of another hospital: what it accepts, what of that is wrong, clean and attacked.

Scans are read as an upload is: decoded in worker processes, and checked by header, image, distance and evidence. On a
development set, which the limits were chosen on, every scan is judged by limits that were chosen without its patient or
block of neighbours; on any other folder by those that ship.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.errors import ModelError, ScanError
from meddef_core.evaluation.metrics import auroc, expected_calibration_error
from meddef_core.evaluation.selective import risk_coverage
from meddef_core.model import MedDef
from meddef_core.model.folded import folded
from meddef_core.prediction import Fitted, fitted_for
from meddef_core.prediction.checks import Evidence, abstention
from meddef_core.prediction.gaussian import Array
from meddef_core.prediction.guarantee import FoldLimits, limits_of_card, share
from meddef_core.prediction.prediction import prepare
from meddef_core.prediction.risk_control import FOLDS, folds_of
from meddef_core.prediction.statistics import describe
from meddef_core.prediction.taken import Taken, in_place_of, take
from meddef_core.records import ExternalNumbers, plain
from meddef_core.scans import read_scan_isolated
from meddef_core.studies.external_outputs import Answers, ScanOutputs, joined_seen
from meddef_core.studies.external_sources import LabelledScans
from meddef_core.tasks import Task
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel

EPS = 4 / 255
STEPS = 20

CHUNK = 32
"""Scans that are held as floats at a time."""

OnProgress = Callable[[str, int, int], None]
"""Hears (what is done, scans done, scans in all)."""


def fit_of(model: LoadedModel) -> Fitted:
    """What was fitted for the model's weights; raises ModelError where nothing was: without it nothing is accepted."""
    fitted = fitted_for(model)
    if fitted is None:
        raise ModelError(
            Text(
                "studies.nothing-fitted",
                "Nothing was fitted for {model} yet; run `meddef calibrate` first.",
                model=model.card.key,
            )
        )
    return fitted


def attack_of(task: Task, *, seed: int = 0) -> AttackSpec:
    """PGD-20 at 4/255: an upper bound on robust accuracy."""
    return AttackSpec(name="pgd", eps=EPS, steps=STEPS, seed=seed)


def see(
    model: LoadedModel, source: LabelledScans, *, spec: AttackSpec | None, on_progress: OnProgress | None = None
) -> ScanOutputs:
    """Read every scan of a source and ask the model, some at a time; raises ModelError for a wrapped model.

    Raises DataError where not a single file can be read.
    """
    total = len(source.entries)
    parts = []
    for start in range(0, total, CHUNK):
        parts.append(see_some(model, source, start=start, spec=spec))
        if on_progress:
            on_progress("scans", min(start + CHUNK, total), total)
    return joined_seen(parts, total=total)


def see_some(model: LoadedModel, source: LabelledScans, *, start: int, spec: AttackSpec | None) -> ScanOutputs:
    """The `CHUNK` scans from `start` on; raises ModelError for a wrapped model. None of them may be readable."""
    network = model.network
    if not isinstance(network, MedDef):
        raise ModelError(
            Text(
                "studies.model-wrapped",
                "{model} has a defence wrapped around it; measure the model itself.",
                model=model.card.key,
            )
        )
    images: list[Tensor] = []
    facts: list[tuple[int, int, bool, str]] = []
    problems: list[tuple[str, str]] = []
    for place, entry in enumerate(source.entries[start : start + CHUNK], start=start):
        try:
            scan = read_scan_isolated(entry.load())
        except ScanError as error:
            problems.append((entry.name, str(error)))
            continue
        images.append(prepare(model, scan))
        refused = abstention(Evidence(task=model.task, scan=scan, familiarity=None)) is not None
        facts.append((place, model.task.index(str(entry.truth)), refused, scan.digest))
    clean, attacked = Answers({}, np.empty((0, len(model.task.classes)))), None
    if images:
        x, y = torch.cat(images), torch.tensor([label for _, label, *_ in facts])
        clean = _ask(network, x)
        if spec is not None:
            attacked = _ask(network, run_attack(folded(network), x, y, spec).adversarial)
    return ScanOutputs(
        places=np.array([place for place, *_ in facts], dtype=np.int64),
        labels=np.array([label for _, label, *_ in facts], dtype=np.int64),
        refused=np.array([refused for *_, refused, _ in facts], dtype=bool),
        digests=tuple(digest for *_, digest in facts),
        clean=clean,
        attacked=attacked,
        problems=tuple(problems),
    )


def measured(
    model: LoadedModel, source: LabelledScans, seen: ScanOutputs, *, spec: AttackSpec | None
) -> ExternalNumbers:
    """The numbers of a record; raises ModelError where nothing was fitted for the model's weights."""
    fitted = fit_of(model)
    folds = _folds(model, fitted, source, seen)
    distances = fitted.detector.scores(seen.clean.statistics)
    rows = [_row(model, source, seen, _taken(fitted, seen.clean, folds), spec=None)]
    if seen.attacked is not None:
        taken = _taken(fitted, seen.attacked, folds, distances=distances)
        rows.append(_row(model, source, seen, taken, spec=spec))
    return ExternalNumbers.model_validate(
        {
            "n": len(seen.labels),
            "source": {
                "key": source.key,
                "title": source.title,
                "labels": source.labels,
                "out_of_fold": folds is not None,
                "unreadable": len(seen.problems),
            },
            "rows": rows,
        }
    )


def digest_of(seen: ScanOutputs) -> str:
    """Names the scans, in their order."""
    return hashlib.sha256("".join(seen.digests).encode()).hexdigest()


# ---- how each scan is taken --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Folds:
    """Of a development set: the fold of each scan, and what a fold is judged by."""

    number: NDArray[np.int64]
    limits: tuple[FoldLimits, ...]
    added: Array
    """`(FOLDS, K)`: offsets of the fold in place of the model's."""


def _folds(model: LoadedModel, fitted: Fitted, source: LabelledScans, seen: ScanOutputs) -> _Folds | None:
    """None for scans that nothing was chosen on; raises ModelError where the fit does not say what was chosen."""
    if source.about is None or model.site is not None:
        return None
    by_fold = (fitted.card.guarantee or {}).get("by_fold")
    if by_fold is None:
        raise ModelError(
            Text(
                "studies.no-fold-limits",
                "The fit of {model} has no limits of its folds; run `meddef calibrate` first.",
                model=model.card.key,
            )
        )
    added = (model.card.training.get("offsets") or {}).get("added_by_fold")
    offsets = np.zeros((FOLDS, len(model.task.classes))) if added is None else np.array(added, dtype=np.float64)
    folds = folds_of(np.array(source.groups), folds=FOLDS)[seen.places]
    return _Folds(folds, limits_of_card(fitted.detector, by_fold), offsets)


def _taken(fitted: Fitted, answers: Answers, folds: _Folds | None, *, distances: Array | None = None) -> Taken:
    asked = partial(take, temperature=fitted.card.temperature, distances=distances)
    taken = asked(fitted.detector, answers.statistics, answers.logits, slope=fitted.card.temperature_slope)
    for fold, limits in enumerate(folds.limits if folds is not None else ()):
        assert folds is not None
        logits = answers.logits + folds.added[fold]
        found = asked(limits.detector, answers.statistics, logits, slope=limits.slope)
        taken = in_place_of(taken, found, folds.number == fold)
    return taken


def _row(
    model: LoadedModel, source: LabelledScans, seen: ScanOutputs, taken: Taken, *, spec: AttackSpec | None
) -> dict[str, Any]:
    classes, labels, predicted = model.task.classes, seen.labels, taken.predicted
    accepted = taken.accepted & ~seen.refused
    wrong, correct = source.wrong(classes, labels, predicted), predicted == labels
    # What a check of header or image refuses, is ranked behind everything else.
    curve = risk_coverage(np.where(seen.refused, taken.scores.max() + 1, taken.scores), wrong)
    return {
        "eps": 0.0 if spec is None else spec.eps,
        "spec": None if spec is None else plain(spec),
        "accepted": share(accepted),
        "without_remark": share(accepted & ~taken.remarked),
        "correct": share(correct),
        "correct_and_accepted": share(accepted & correct),
        "wrong_and_accepted": share(accepted & wrong),
        "confidence": float(taken.confidence.mean()),
        "calibration_error": expected_calibration_error(taken.shares, labels),
        "auroc": _areas(taken.shares, labels, classes),
        "by_label": {
            classes[label]: {
                "n": int((labels == label).sum()),
                "outputs": _counts(predicted[labels == label], classes),
                "accepted_as": _counts(predicted[(labels == label) & accepted], classes),
            }
            for label in np.unique(labels)
        },
        "curve": {"coverages": curve.coverages, "risks": curve.risks, "aurc": curve.aurc},
    }


def _areas(shares: Array, labels: NDArray[np.int64], classes: Sequence[str]) -> dict[str, float]:
    """The area under the ROC curve of each class that some scans have and some have not."""
    there = [label for label in np.unique(labels) if 0 < (labels == label).sum() < len(labels)]
    areas = {}
    for label in there:
        both = np.stack([1 - shares[:, label], shares[:, label]], axis=1)
        areas[classes[label]] = float(auroc(both, (labels == label).astype(np.int64))[1])
    return areas


def _counts(predicted: NDArray[np.int64], classes: Sequence[str]) -> dict[str, int]:
    return dict(zip(classes, np.bincount(predicted, minlength=len(classes)).tolist(), strict=True))


def _ask(network: MedDef, x: Tensor) -> Answers:
    with torch.inference_mode():
        logits = network(x).double().numpy()
    return Answers(describe(network, x), logits)
