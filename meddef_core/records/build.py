"""Records are built here, from the model that was loaded: nobody types which weights a number is of."""

import hashlib
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from meddef_core import __version__
from meddef_core.intended_use import INTENDED_USE
from meddef_core.records.envelope import SCHEMA_VERSION, ModelRef, Record, SiteRef
from meddef_core.records.plain import plain
from meddef_core.tasks import get_task

if TYPE_CHECKING:
    from meddef_core.attacks import AttackSpec
    from meddef_core.scans import Scan
    from meddef_core.zoo import Card, LoadedModel

Kind = TypeVar("Kind", bound=Record)


def build(
    kind: type[Kind],
    *,
    model: "LoadedModel | ModelRef",
    numbers: Any,
    scan: Mapping[str, Any] | None = None,
    spec: "AttackSpec | None" = None,
    seed: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> Kind:
    """One result as a record of that kind; pydantic's ValidationError where the numbers are not that kind's.

    A result is about one `scan` (see `scan_facts`) or about a list of them, `data`, the fields of `ScanList`. `numbers`
    are those of the kind, or the same as plain values; what is not finite (the PSNR of an unchanged image) is null.
    `seed` is the spec's unless told. Of a model of the zoo the record repeats the training population.
    """
    identity = model if isinstance(model, ModelRef) else identity_of(model)
    of_the_zoo = not isinstance(model, ModelRef)
    return kind.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "kind": kind.kind_name(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "model": identity.model_dump(exclude_unset=True),
            "population": get_task(identity.task).population.sentence if of_the_zoo else None,
            "scan": plain(scan),
            "data": plain(data),
            "spec": plain(spec),
            "seed": spec.seed if seed is None and spec is not None else seed,
            "versions": versions(),
            "numbers": plain(numbers),
            "intended_use": INTENDED_USE,
        }
    )


def identity_of(model: "LoadedModel", *, carded: bool = True) -> ModelRef:
    """The model that was loaded, with its weights; a training run is not `carded`."""
    digest = card_digest(model.card) if carded else None
    return ModelRef(**_weights_of(model), card_sha256=digest)


def identity_of_several(task: str, word: str) -> ModelRef:
    """Of a record of several models, whose rows name their weights: "oct/several"."""
    return ModelRef(key=f"{task}/{word}", weights_sha256=None, card_sha256=None)


def source_of(model: "LoadedModel") -> ModelRef:
    """What a record holds of the model that a transfer attack made its image on."""
    return ModelRef(**_weights_of(model))


def _weights_of(model: "LoadedModel") -> dict[str, Any]:
    """Key and weights, and the site profile where one changed them."""
    known: dict[str, Any] = {"key": model.card.key, "weights_sha256": model.card.weights.sha256}
    if model.site is None:
        return known
    if model.site.weights is not None:
        known["weights_sha256"] = model.site.weights.sha256
    return known | {"site": SiteRef(title=model.site.title, sha256=model.site.digest)}


def scan_facts(
    scan: "Scan", *, frame: int | None = None, window: tuple[float, float] | None = None, sample: str | None = None
) -> dict[str, Any]:
    """What a record holds of a scan: its bytes' digest, never a file; the frame and window it was read with."""
    found: dict[str, Any] = {"sha256": scan.digest, "frame": frame, "window": window, "id": scan.short_id}
    return found if sample is None else {**found, "sample": sample}


def versions() -> dict[str, str]:
    """What computes here: differences between two runs of one record can come from these."""
    import torch

    return {"meddef": __version__, "torch": torch.__version__, "python": platform.python_version()}


def card_digest(card: "Card") -> str:
    """sha256 over a card's content, whatever its file's line breaks."""
    return hashlib.sha256(json.dumps(card.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
