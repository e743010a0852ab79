"""The numbers that a record of a reading or of an attack holds: one place, so that a replay finds the same ones."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from meddef_core.attacks import AttackResult, get_attack
from meddef_core.explain import ExplanationMap
from meddef_core.intended_use import INTENDED_USE
from meddef_core.predict import Prediction
from meddef_core.record import SCHEMA_VERSION, plain
from meddef_core.zoo import Card

COLLECTION = "collection"
"""Kind of a document that holds several records, such as one attack on two models."""

MEASURED = ("linf", "l2", "psnr", "ssim", "pixels_changed")
"""Distances of `AttackResult`, by the names that records give them."""


def output_numbers(prediction: Prediction) -> dict[str, Any]:
    """One output as records hold it: every field, and what is made of them for a person."""
    return {
        **plain(prediction),
        "shares": plain(prediction.shares),
        "level": prediction.level,
        "calibration_holds": prediction.calibration_holds,
        "sentence": prediction.sentence,
    }


def reading_numbers(prediction: Prediction, maps: Mapping[str, ExplanationMap] | None = None) -> dict[str, Any]:
    """Numbers of a record of kind "prediction"; `maps` join under their keys."""
    numbers = output_numbers(prediction)
    if maps is not None:
        numbers["maps"] = {key: one.to_dict() for key, one in maps.items()}
    return numbers


def attack_numbers(
    result: AttackResult, clean: Prediction, attacked: Prediction, *, label: str, source: Card | None = None
) -> dict[str, Any]:
    """Numbers of a record of kind "attack" on one scan.

    `label` is the class that the attack moved away from, `source` the model a transfer attack made its image on.
    """
    return {
        "label": label,
        "norm": get_attack(result.spec.name).norm,
        "source": None if source is None else source_identity(source),
        "success": bool(result.success[0]),
        "clean": output_numbers(clean),
        "attacked": output_numbers(attacked),
        **{key: float(getattr(result, key)[0]) for key in MEASURED},
        "first_fooled": int(result.first_fooled[0]),
        "steps_run": result.steps_run,
        "trace": [
            {"step": s.step, "loss": s.loss, "success": s.success, "probabilities": s.probabilities[0]}
            for s in result.trace
        ],
        "adversarial_sha256": image_digest(result.adversarial[0].cpu().numpy().tobytes()),
    }


def image_digest(values: bytes) -> str:
    """sha256 of an image's float32 values: two runs that agree on it made the same image, bit by bit."""
    return hashlib.sha256(values).hexdigest()


def source_identity(card: Card) -> dict[str, str]:
    """What a record holds of the model that a transfer attack made its image on."""
    return {"key": card.key, "weights_sha256": card.weights.sha256}


def collection(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One document of several records; a single record stays as it is."""
    if len(records) == 1:
        return dict(records[0])
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": COLLECTION,
        "records": [dict(record) for record in records],
        "intended_use": INTENDED_USE,
    }


def document_digest(document: Mapping[str, Any]) -> str:
    """sha256 over a document's content, whatever its file's line breaks: it ties a picture or a page to its JSON."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, allow_nan=False).encode()).hexdigest()
