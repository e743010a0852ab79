"""Every result as a JSON record: enough to run it again and to say what it was run with."""

import dataclasses
import hashlib
import json
import math
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch

from meddef_core import __version__
from meddef_core.attacks import AttackSpec
from meddef_core.data.tasks import get_task
from meddef_core.intended_use import INTENDED_USE
from meddef_core.zoo import Card

SCHEMA_VERSION = 1
"""Raised whenever a key changes its name or its meaning."""


def record(
    kind: str,
    *,
    model: Card | Mapping[str, Any],
    numbers: Mapping[str, Any],
    scan_digest: str | None = None,
    scan_id: str | None = None,
    spec: AttackSpec | None = None,
    seed: int | None = None,
    frame: int | None = None,
    window: tuple[float, float] | None = None,
    data: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One result as plain JSON values; `json.dumps(..., allow_nan=False)` accepts it.

    A result is about one scan or about a list. `scan_digest` is `Scan.digest`: a record names the bytes that were
    read, never a file; `frame` and `window` are what `read_scan` was given, and `scan_id` is `Scan.short_id`, which
    stands beside the result wherever it is shown. `data` names a list by its protocol, part and digest. `seed` is the
    spec's unless told. Numbers that are not finite (the PSNR of an unchanged image) become null. Raises TypeError for a
    value that JSON cannot hold. `model` is a card, or, for a network that is not in the zoo, the three values that a
    record holds of one; of a card's task the record repeats the training population.
    """
    scan = None if scan_digest is None else {"sha256": scan_digest, "frame": frame, "window": plain(window)}
    if scan is not None and scan_id is not None:
        scan["id"] = scan_id
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": _identity(model) if isinstance(model, Card) else plain(model),
        "population": get_task(model.task).population.sentence if isinstance(model, Card) else None,
        "scan": scan,
        "data": plain(data),
        "spec": plain(spec),
        "seed": spec.seed if seed is None and spec is not None else seed,
        "versions": versions(),
        "numbers": plain(numbers),
        "intended_use": INTENDED_USE,
    }


def versions() -> dict[str, str]:
    """What computes here: differences between two runs of one record can come from these."""
    return {"meddef": __version__, "torch": torch.__version__, "python": platform.python_version()}


def _identity(model: Card) -> dict[str, str]:
    return {"key": model.key, "weights_sha256": model.weights.sha256, "card_sha256": card_digest(model)}


def card_digest(card: Card) -> str:
    """sha256 over a card's content, whatever its file's line breaks."""
    return hashlib.sha256(json.dumps(card.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def plain(value: Any) -> Any:
    """Dataclasses, named tuples, arrays and tensors as plain JSON values; not finite numbers as None."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, torch.Tensor):
        return plain(value.detach().cpu().tolist())
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"a record cannot hold a {type(value).__name__}")
