"""A network's numbers on one list of scans, in the form a card keeps them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from torch import nn

from meddef_core.attacks import AttackSpec, get_attack
from meddef_core.attacks.spec import Loss
from meddef_core.data.images import Images
from meddef_core.eps import format_eps
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.metrics import (
    balanced_accuracy,
    balanced_interval,
    expected_calibration_error,
    recalls,
    wilson,
)
from meddef_core.records import AttackedAccuracy

CARD_EPSILONS = (1 / 255, 2 / 255, 0.01, 4 / 255, 8 / 255, 0.05, 0.10)
"""The field's budgets and the paper's, in pixel units, smallest first."""

OnStage = Callable[[str, int, int], None]
"""Told a stage's name, images done and images in all."""


def card_attacks(*, saturated: bool = False) -> list[AttackSpec]:
    """PGD-20 on cross-entropy with one random start at every budget of a card, and on the margin at 4 and 8/255.

    A quick look, not a worst case: an upper bound on robust accuracy. On a `saturated` network, whose cross-entropy has
    no gradient (defensive distillation: Carlini and Wagner 2017), the two losses change places.
    """
    first: Loss
    second: Loss
    first, second = ("margin", "ce") if saturated else ("ce", "margin")
    pairs = [(eps, first) for eps in CARD_EPSILONS] + [(eps, second) for eps in (4 / 255, 8 / 255)]
    return [AttackSpec(name="pgd", eps=eps, steps=20, loss=loss, stop_when_fooled=True) for eps, loss in pairs]


def strongest(attacked: Iterable[AttackedAccuracy]) -> dict[float, AttackedAccuracy]:
    """Of a card's rows at each epsilon, the one with the lowest balanced accuracy."""
    found: dict[float, AttackedAccuracy] = {}
    for row in attacked:
        kept = found.setdefault(row.eps, row)
        if row.balanced_accuracy < kept.balanced_accuracy:
            found[row.eps] = row
    return found


def measure(
    network: nn.Module,
    images: Images,
    *,
    classes: Sequence[str],
    attacks: Sequence[AttackSpec],
    on_stage: OnStage | None = None,
) -> dict[str, Any]:
    """Balanced and plain accuracy with 95% intervals, recalls and calibration, clean and under each attack."""

    def tell(stage: str) -> Callable[[int, int], None]:
        return lambda done, total: on_stage(stage, done, total) if on_stage else None

    labels = images.labels.numpy()
    clean = attack_images(network, images, None, on_batch=tell("clean"))
    probabilities = softmax(clean.logits, axis=1)
    summary: dict[str, Any] = {
        "n": len(images),
        "clean": summarise(labels, clean.predictions, classes=classes)
        | {"expected_calibration_error": expected_calibration_error(probabilities, labels)},
        "attacked": [],
    }
    right = clean.predictions == labels
    for spec in attacks:
        stage = f"{spec.name} {spec.loss} at {format_eps(spec.eps, norm=get_attack(spec.name).norm)}"
        outcome = attack_images(network, images, spec, on_batch=tell(stage))
        flipped = right & (outcome.predictions != labels)
        summary["attacked"].append(
            {"spec": asdict(spec), "eps": spec.eps}
            | summarise(labels, outcome.predictions, classes=classes)
            | {
                "attack_success_rate": float(flipped.sum() / right.sum()) if right.any() else None,
                "largest_linf": outcome.linf,
            }
        )
    return summary


def summarise(labels: NDArray[np.int64], predictions: NDArray[np.int64], *, classes: Sequence[str]) -> dict[str, Any]:
    """Shares in [0, 1] with 95% intervals; recalls by class name."""
    correct = int((labels == predictions).sum())
    per_class = recalls(labels, predictions, classes=len(classes))
    return {
        "balanced_accuracy": balanced_accuracy(labels, predictions, classes=len(classes)),
        "balanced_interval": list(balanced_interval(labels, predictions, classes=len(classes))),
        "accuracy": correct / len(labels),
        "accuracy_interval": list(wilson(correct, len(labels))),
        "recall": {name: float(value) for name, value in zip(classes, per_class, strict=True)},
    }
