"""What a worst case comes to: robust accuracy at each budget, and what each attack of the set contributed."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meddef_core.attacks import get_attack
from meddef_core.evaluation.card_numbers import summarise
from meddef_core.evaluation.trials import CLEAN, ImageResult, Trial
from meddef_core.evaluation.worst_case import WorstCase


def summarise_worst_case(found: WorstCase, *, classes: Sequence[str]) -> dict[str, Any]:
    """Plain and balanced accuracy with 95% intervals and recalls, clean and at each budget, and a row an image.

    `attack_success_rate` is the share of scans read right clean that something breaks; None where none is read right.
    """
    images, trials = found.images, found.plan.attacks
    labels = np.array([image.label for image in images])
    clean = np.array([image.clean_prediction for image in images])
    norm = get_attack(trials[0].spec.name).norm
    return {
        "n": len(images),
        "norm": norm,
        "clean": summarise(labels, clean, classes=classes),
        "attacked": [
            {"eps": eps, "budget": eps} | _at_budget(images, trials, labels, classes=classes, level=level)
            for level, eps in enumerate(found.plan.budgets)
        ],
        "images": [asdict(image) for image in images],
    }


def summarise_each_alone(found: WorstCase, *, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of `report.measure` under each attack of a plan where each is alone, and its predictions by scan.

    An attacked prediction is that of the image that breaks a scan, the label where none does, and the clean one where
    the scan is misread as it is.
    """
    rows = []
    for number, trial in enumerate(found.plan.attacks):
        images = [image for image in found.images if trial.takes(image.position, few=found.plan.few)]
        labels = np.array([image.label for image in images])
        misread = sum(image.clean_prediction != image.label for image in images)
        outcomes = [image.at[number] for image in images]
        predictions = np.array(
            [
                at.prediction if at.prediction is not None else image.label
                for at, image in zip(outcomes, images, strict=True)
            ]
        )
        flipped = sum(at.broken_by not in (None, CLEAN) for at in outcomes)
        rows.append(
            {
                "spec": asdict(trial.spec),
                "n": len(images),
                "eps": trial.spec.eps,
            }
            | summarise(labels, predictions, classes=classes)
            | {
                "attack_success_rate": flipped / (len(images) - misread) if misread < len(images) else None,
                "largest_distance": max((at.distance for at in outcomes if at.distance), default=0.0),
                "predictions": predictions.tolist(),
            }
        )
    return rows


def _at_budget(
    images: Sequence[ImageResult],
    trials: Sequence[Trial],
    labels: NDArray[np.int64],
    *,
    classes: Sequence[str],
    level: int,
) -> dict[str, Any]:
    """One row: `level` is the budget's place among those of the plan."""
    outcomes = [image.at[level] for image in images]
    eps = outcomes[0].eps
    worst = labels.copy()
    for place, at in enumerate(outcomes):
        if at.prediction is not None:
            worst[place] = at.prediction
    read_right = sum(at.broken_by != CLEAN for at in outcomes)
    flipped = sum(at.broken_by not in (None, CLEAN) for at in outcomes)
    return summarise(labels, worst, classes=classes) | {
        "attack_success_rate": flipped / read_right if read_right else None,
        "unbroken": sum(at.broken_by is None for at in outcomes),
        "misread_clean": len(images) - read_right,
        "broken_at_smaller_budget": sum(at.attack is not None and at.found_at != eps for at in outcomes),
        "attacks": [
            _contribution(images, number, trial, level=level)
            for number, trial in enumerate(trials)
            if trial.spec.eps == eps
        ],
    }


def _contribution(images: Sequence[ImageResult], number: int, trial: Trial, *, level: int) -> dict[str, Any]:
    """How many scans one attack was run on, and how many of these it broke that nothing at a smaller epsilon did."""
    return {
        "spec": asdict(trial.spec),
        "scans": trial.scans,
        "largest_first": trial.largest_first,
        "tried": sum(number in image.tried for image in images),
        "broken": sum(image.at[level].attack == number for image in images),
    }
