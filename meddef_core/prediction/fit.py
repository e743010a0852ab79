"""Fit a model's calibration and detector on its training and validation patients, then measure both on its test list.

The test list and the outliers to report are looked at once, after everything was chosen.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meddef_core.data.images import Images, load_images
from meddef_core.data.lists import Lists, build_lists
from meddef_core.errors import ModelError
from meddef_core.evaluation.metrics import counted_share, expected_calibration_error
from meddef_core.evaluation.reliability import calibration_error, reliability
from meddef_core.evaluation.shifts import SHIFTS, Shift
from meddef_core.model import MedDef
from meddef_core.prediction.abstention import Detector, fit_detector
from meddef_core.prediction.calibration import (
    calibrate,
    error_interval,
    fit_temperature,
    negative_log_likelihood,
    tempered,
)
from meddef_core.prediction.files import Fitted, OutputCard, Outputs, ReadingCard
from meddef_core.prediction.gaussian import Array
from meddef_core.prediction.guarantee import controlled, other_hospital, pictures, share, slope_of
from meddef_core.prediction.guarantee import figures as figures_of
from meddef_core.prediction.operating import operating_point, questions, youden_threshold
from meddef_core.prediction.outliers import outliers, prepared
from meddef_core.prediction.output_limits import output_limits
from meddef_core.prediction.statistics import BATCH, describe
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel

MOST_TRAINING = 1000
"""Training scans that the distributions are fitted to, spread over the list: more changes little and takes longer."""

OnStage = Callable[[str, int, int], None]
"""Hears (what is done, stage, stages)."""

STAGES = 5


def fit(model: LoadedModel, *, data_dir: Path, on_stage: OnStage | None = None) -> Fitted:
    """Everything of `reading.json` and its arrays for a model's weights; about a minute on one core.

    Raises ModelError for a model behind a wrapped defence, DataError where its lists are not whole.
    """
    network = model.network
    if not isinstance(network, MedDef):
        raise ModelError(
            Text(
                "prediction.wrapped-defence",
                "{key} has a defence wrapped around it; calibrate the model itself.",
                key=model.card.key,
            )
        )
    tell = on_stage or (lambda what, done, total: None)
    protocol = str(model.card.data.get("protocol", "official"))
    lists = build_lists(model.task, data_dir, protocol=protocol)
    parts = {
        part: load_images(lists, part, preprocessing=model.preprocessing, data_dir=data_dir)
        for part in ("train", "val", "test")
    }

    tell("training scans", 0, STAGES)
    train = describe(network, _tensor(parts["train"], most=MOST_TRAINING))
    tell("validation scans", 1, STAGES)
    val, val_outputs = _read(network, parts["val"])
    tell("pictures that are no such scan", 2, STAGES)
    strangers = outliers(model.task, data_dir=data_dir)
    drawn_x = torch.from_numpy(prepared(strangers, model.preprocessing))
    others, others_logits = describe(network, drawn_x), _logits(network, drawn_x)
    choosing = np.array([one.half == "choose" for one in strangers])
    chosen, reported = ({name: rows[half] for name, rows in others.items()} for half in (choosing, ~choosing))
    to_choose, to_report = ([one for one in strangers if one.half == half] for half in ("choose", "report"))
    hospital = other_hospital(model, network, data_dir)
    scanner = None if hospital is None else hospital.statistics
    kinds = [one.kind for one in to_choose]
    drawn = fit_detector(train, val, others=chosen, kinds=kinds, scanner=scanner)
    drawn = replace(drawn, outputs=output_limits(model.task.key, val_outputs.logits))
    controlling = pictures(to_choose, chosen)
    detector = controlled(drawn, controlling, hospital)
    changes = changes_of(model)
    temperature = fit_temperature(*_over(network, parts["val"], changes))
    slope = slope_of(detector, hospital, temperature=temperature)
    guarantee = figures_of(drawn, controlling, hospital, task=model.task.key, temperature=temperature)

    tell("test list", 3, STAGES)
    test, test_outputs = _read(network, parts["test"])
    accepted = {"val": _acceptance(detector, val, val_outputs), "test": _acceptance(detector, test, test_outputs)}
    val_outputs, test_outputs = (
        Outputs(tempered(outputs.logits, detector.scores(found), slope=slope), outputs.labels)
        for outputs, found in ((val_outputs, val), (test_outputs, test))
    )
    figures = {
        "calibration": calibration_figures(test_outputs, temperature),
        "operating": _operating_figures(model, val_outputs, test_outputs, temperature),
        "accepted": accepted["test"],
        "refused": _refusal(detector, reported, others_logits[~choosing], [one.kind for one in to_report]),
    }
    tell("done", STAGES, STAGES)
    card = ReadingCard(
        model=model.card.key, weights_sha256=model.card.weights.sha256, arrays_sha256="",
        temperature=temperature, temperature_slope=slope,
        unusual_above=detector.unusual_above, refused_above=detector.refused_above,
        outputs=None if detector.outputs is None else OutputCard.of(detector.outputs), kinds=detector.kinds.names,
        fitted_on={
            "protocol": protocol,
            "lists": _listed(lists, parts),
            "training_scans": min(MOST_TRAINING, len(lists.train)),
            "temperature_over": [shift.key for shift in changes],
            "validation": {"calibration": calibration_figures(val_outputs, temperature)}
            | {"accepted": accepted["val"]},
            "outliers": dict(Counter(one.kind for one in to_choose)),
        },
        guarantee=guarantee,
        test=figures,
    )  # fmt: skip
    return Fitted(card, detector, val_outputs, test_outputs)


def changes_of(model: LoadedModel) -> tuple[Shift, ...]:
    """The changes of validation scans that the temperature is fitted over: those that the classes were balanced over.

    A model whose offsets suit films of many kinds is surer of films as they are in validation than it is right
    elsewhere. Where no offsets were chosen, or on scans as they are, these are the scans as they are alone.
    """
    offsets = model.card.training.get("offsets") or {}
    keys = offsets.get("shifts") or [SHIFTS[0].key]
    return tuple(shift for shift in SHIFTS if shift.key in keys)


def _over(network: MedDef, images: Images, changes: Sequence[Shift]) -> tuple[Array, NDArray[np.int64]]:
    """Logits and labels of the scans under every change."""
    x = _tensor(images)
    with torch.inference_mode():
        logits = torch.cat([network(shift.apply(batch)) for shift in changes for batch in x.split(BATCH)])
    return logits.double().numpy(), np.tile(images.labels.numpy(), len(changes))


def calibration_figures(outputs: Outputs, temperature: float) -> dict[str, Any]:
    """Expected calibration error (15 bins of equal width, and of equal mass) and mean log-likelihood, before and after.

    The interval is of the error of equal width, after.
    """
    figures: dict[str, Any] = {"n": len(outputs.labels)}
    for name, t in (("uncalibrated", 1.0), ("calibrated", temperature)):
        shares = calibrate(outputs.logits, t)
        figures[name] = {
            "expected_calibration_error": expected_calibration_error(shares, outputs.labels),
            "equal_mass_error": calibration_error(reliability(shares, outputs.labels, edges="mass")),
            "negative_log_likelihood": negative_log_likelihood(outputs.logits, outputs.labels, t),
        }
    figures["interval"] = list(error_interval(calibrate(outputs.logits, temperature), outputs.labels))
    return figures


def _read(network: MedDef, images: Images) -> tuple[dict[str, Array], Outputs]:
    x = _tensor(images)
    return describe(network, x), Outputs(_logits(network, x), images.labels.numpy())


def _logits(network: MedDef, x: Tensor) -> Array:
    with torch.inference_mode():
        return np.asarray(torch.cat([network(batch) for batch in x.split(BATCH)]).double().numpy())


def _tensor(images: Images, *, most: int | None = None) -> Tensor:
    """The list as one tensor `(n, 1, 224, 224)`; `most` of it, evenly spread, where it is longer."""
    count = len(images) if most is None else min(most, len(images))
    x, _ = images.batch(np.linspace(0, len(images) - 1, count).astype(np.int64))
    return x


def _listed(lists: Lists, parts: dict[str, Images]) -> dict[str, Any]:
    return {part: {"scans": len(images), "sha256": lists.digest(part)} for part, images in parts.items()}


def _operating_figures(model: LoadedModel, val: Outputs, test: Outputs, temperature: float) -> dict[str, Any]:
    """At the threshold of the largest Youden index on validation patients: both lists, by question."""
    figures: dict[str, Any] = {}
    for question in questions(model.task):
        scores, truth = question.score(calibrate(val.logits, temperature)), question.truth(val.labels)
        threshold = youden_threshold(scores, truth)
        tested = question.score(calibrate(test.logits, temperature)), question.truth(test.labels)
        figures[question.key] = {"threshold": threshold}
        for name, (s, t) in (("val", (scores, truth)), ("test", tested)):
            point = operating_point(s, t, threshold=threshold)
            figures[question.key][name] = {
                "sensitivity": counted_share(point.sensitivity.hits, point.sensitivity.n),
                "specificity": counted_share(point.specificity.hits, point.specificity.n),
            }
    return figures


def _acceptance(detector: Detector, found: dict[str, Array], outputs: Outputs) -> dict[str, Any]:
    accepted = detector.accepted(found, outputs.logits)
    right = outputs.logits.argmax(axis=1) == outputs.labels
    return {
        "accepted": share(accepted),
        "without_remark": share(accepted & (detector.scores(found) <= detector.unusual_above)),
        "right_and_accepted": share(accepted & right),
        "wrong_and_accepted": share(accepted & ~right),
    }


def _refusal(detector: Detector, found: dict[str, Array], logits: Array, kinds: list[str]) -> dict[str, Any]:
    """Refused, remarked on, and named as what they are: in all, and by kind."""
    distances, which = detector.scores(found), np.array(kinds)
    refused = ~detector.accepted(found, logits)
    judged = [
        detector.judge({k: rows[i : i + 1] for k, rows in found.items()}, logits[i : i + 1])
        for i in range(len(distances))
    ]
    named = np.array([one.looks_like for one in judged])
    return {
        "refused": share(refused),
        "refused_or_unusual": share(refused | (distances > detector.unusual_above)),
        "named_rightly": share((named == which)[refused]),
        "by_kind": {kind: share(refused[which == kind]) for kind in sorted(set(kinds))},
    }
