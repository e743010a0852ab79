"""What came of one scan, as records hold it: one place, so that a page, a command and a replay write the same numbers.

Made from live results, so a caller has torch already; importing this does not need it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from meddef_core.intended_use import INTENDED_USE
from meddef_core.records.build import source_of
from meddef_core.records.envelope import SCHEMA_VERSION, Record
from meddef_core.records.plain import plain
from meddef_core.records.prediction import (
    AttackNumbers,
    AttackRecord,
    BatchNumbers,
    Collection,
    OutputWithMaps,
    PredictionRecord,
)
from meddef_core.report.outputs import fields_of

if TYPE_CHECKING:
    from meddef_core.attacks import AttackResult
    from meddef_core.explanation import ExplanationMap
    from meddef_core.prediction.batch import BatchAccuracy, BatchOutcome
    from meddef_core.prediction.prediction import Prediction
    from meddef_core.zoo import LoadedModel

MEASURED = ("linf", "l2", "psnr", "ssim", "pixels_changed")
"""Distances of `AttackResult`, by the names that records give them."""


def prediction_numbers(prediction: "Prediction", maps: "Mapping[str, ExplanationMap] | None" = None) -> OutputWithMaps:
    """Numbers of a record of a prediction; `maps` join under their keys."""
    fields = fields_of(prediction)
    if maps is not None:
        fields["maps"] = plain({key: each.to_dict() for key, each in maps.items()})
    return OutputWithMaps.model_validate(fields)


def attack_numbers(
    result: "AttackResult",
    clean: "Prediction",
    attacked: "Prediction",
    *,
    label: str,
    source: "LoadedModel | None" = None,
) -> AttackNumbers:
    """Numbers of a record of an attack on one scan.

    `label` is the class that the attack moved away from, `source` the model a transfer attack made its image on.
    """
    from meddef_core.attacks import get_attack

    return AttackNumbers.model_validate(
        {
            "label": label,
            "norm": get_attack(result.spec.name).norm,
            "source": None if source is None else plain(source_of(source)),
            "success": bool(result.success[0]),
            "clean": fields_of(clean),
            "attacked": fields_of(attacked),
            **{key: plain(float(getattr(result, key)[0])) for key in MEASURED},
            "first_fooled": int(result.first_fooled[0]),
            "steps_run": result.steps_run,
            "trace": [
                {
                    "step": step.step,
                    "loss": plain(step.loss),
                    "success": step.success,
                    "probabilities": plain(step.probabilities[0]),
                }
                for step in result.trace
            ],
            "adversarial_sha256": image_digest(result.adversarial[0].cpu().numpy().tobytes()),
        }
    )


def batch_numbers(rows: "Sequence[BatchOutcome]", score: "BatchAccuracy | None") -> BatchNumbers:
    """Numbers of a record of a batch, which holds no picture of a scan."""
    told = []
    for row in rows:
        prediction = None if row.prediction is None else fields_of(row.prediction)
        words = {key: value for key, value in plain(row).items() if key != "thumbnail"}
        told.append(words | {"prediction": prediction})
    return BatchNumbers.model_validate({"rows": told, "score": plain(score)})


def image_digest(values: bytes) -> str:
    """sha256 of an image's float32 values: two runs that agree on it made the same image, bit by bit."""
    return hashlib.sha256(values).hexdigest()


def collection(
    records: Sequence[PredictionRecord | AttackRecord],
) -> PredictionRecord | AttackRecord | Collection:
    """One file of several records; a single record stays as it is."""
    if len(records) == 1:
        return records[0]
    return Collection(
        schema_version=SCHEMA_VERSION, kind="collection", records=tuple(records), intended_use=INTENDED_USE
    )


def document_bytes(record: Record) -> bytes:
    """A record as a JSON file."""
    return (json.dumps(record.document(), indent=2, allow_nan=False) + "\n").encode()


def document_digest(document: Mapping[str, Any]) -> str:
    """sha256 over a document's content, whatever its file's line breaks: it ties a picture or a page to its JSON."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, allow_nan=False).encode()).hexdigest()
