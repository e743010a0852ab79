"""A real fit beside a small model whose thresholds take every scan for what a test wants: usual, unusual or refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from meddef_core.model import MedDef
from meddef_core.prediction import Fitted, save_fitted
from meddef_core.prediction.abstention import Level, fit_detector
from meddef_core.prediction.files import Outputs, ReadingCard
from meddef_core.prediction.statistics import describe
from meddef_core.zoo import load_model

TEMPERATURE = 2.0

THRESHOLDS: dict[Level, tuple[float, float]] = {
    "usual": (1e6, 2e6),
    "unusual": (-1e6, 1e6),
    "refused": (-2e6, -1e6),
}
"""Unusual above, refused above: scores lie between a few below zero and some hundreds."""


def save_fit(root: Path, key: str, *, level: Level) -> None:
    """Write `reading.json` and its arrays beside the model of that key."""
    model = load_model(key, root)
    assert isinstance(model.network, MedDef) and model.folder is not None
    x = torch.rand(60, model.channels, 224, 224, generator=torch.Generator().manual_seed(0))
    found = describe(model.network, x)
    unusual, refused = THRESHOLDS[level]
    fitted = fit_detector(found, found, others=found, kinds=["noise", "text"] * 30)
    detector = replace(fitted, unusual_above=unusual, refused_above=refused)
    classes = len(model.task.classes)
    outputs = Outputs(np.eye(classes), np.arange(classes))
    card = ReadingCard(
        model=key,
        weights_sha256=model.card.weights.sha256,
        arrays_sha256="",
        temperature=TEMPERATURE,
        unusual_above=unusual,
        refused_above=refused,
        kinds=detector.kinds.names,
        fitted_on={},
        test={},
    )
    save_fitted(model.folder, Fitted(card, detector, outputs, outputs))
