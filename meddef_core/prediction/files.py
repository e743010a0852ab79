"""What was fitted for a model, on disk: `reading.json` for people and records, `reading.safetensors` for the arrays.

Both stand beside the weights and name their hash; a fit for other weights is refused.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from meddef_core.errors import ModelError
from meddef_core.io.files import read_whole, write_pair
from meddef_core.model import MedDef
from meddef_core.prediction.abstention import Detector, Kinds
from meddef_core.prediction.gaussian import Array, Gaussian
from meddef_core.prediction.output_limits import OutputLimits
from meddef_core.prediction.statistics import STATISTICS
from meddef_core.records.match import Match, Shipped, match_weights
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel, SiteProfile

NAME = "reading.json"
ARRAYS = "reading.safetensors"
LISTS = ("val", "test")


class OutputCard(BaseModel):
    """The limits of `meddef_core.prediction.output_limits.OutputLimits`, a class each; None where a class has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float
    middle: float
    spread: float = Field(gt=0)
    limits: tuple[float | None, ...]

    @classmethod
    def of(cls, limits: OutputLimits) -> "OutputCard":
        """What a card holds of them."""
        finite = tuple(float(value) if np.isfinite(value) else None for value in limits.limits)
        return cls(weight=limits.weight, middle=limits.middle, spread=limits.spread, limits=finite)

    def limits_of(self) -> OutputLimits:
        """The limits as they are used."""
        limits = np.array([np.inf if value is None else value for value in self.limits])
        return OutputLimits(self.weight, self.middle, self.spread, limits)


class ReadingCard(BaseModel):
    """`reading.json`: the temperature, the limits of what is refused, and what was measured on the test list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 2
    model: str
    weights_sha256: str
    arrays_sha256: str
    temperature: float = Field(gt=0)
    temperature_slope: float = Field(default=0.0, ge=0)
    """How much hotter it is for each spread of distance from the training scans; 0 before schema version 2."""
    unusual_above: float
    refused_above: float
    outputs: OutputCard | None = None
    """Limits of the outputs that are shown; None before schema version 2, where the distance alone decided."""
    kinds: tuple[str, ...]
    """Kinds of outliers, in the order of the discriminants."""
    fitted_on: dict[str, Any]
    """Protocol, lists with their digests, and outliers to choose on by kind."""
    guarantee: dict[str, Any] | None = None
    """What the limits were chosen on, and how they did on another hospital's scans, out of fold; None before 0.2."""
    test: dict[str, Any]
    """Figures of the test list and of the outliers to report, none of which anything was chosen on."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """A model's outputs on one list: logits `(n, classes)`, tempered by distance, and labels `(n,)`."""

    logits: Array
    labels: np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, eq=False)
class Fitted:
    """Everything fitted for one model's weights."""

    card: ReadingCard
    detector: Detector
    val: Outputs
    test: Outputs


def fitted_for(model: LoadedModel) -> Fitted | None:
    """What stands beside a model's weights; None where nothing does, or where a defence is wrapped around them.

    Raises ModelError as `load_fitted`.
    """
    if model.folder is None or not isinstance(model.network, MedDef) or not (model.folder / NAME).is_file():
        return None
    changed = (model.folder / NAME).stat().st_mtime_ns
    own = _cached(model.folder, model.card.key, model.card.weights.sha256, changed)
    return own if model.site is None else _at_site(own, model.site)


def _at_site(own: Fitted, site: SiteProfile) -> Fitted:
    """A model's own fit with the temperature and the limits of a hospital; what is cached stays as it is."""
    outputs = OutputCard.model_validate(site.outputs.model_dump())
    detector = replace(own.detector, outputs=outputs.limits_of())
    if site.middle is not None:
        detector = replace(detector, middle=np.array(site.middle))
    changes = {"temperature": site.temperature, "temperature_slope": 0.0, "outputs": outputs, "guarantee": None}
    return replace(own, card=own.card.model_copy(update=changes), detector=detector)


@lru_cache(maxsize=16)
def _cached(folder: Path, key: str, weights_sha256: str, changed: int) -> Fitted:
    return load_fitted(folder, key=key, weights_sha256=weights_sha256)


def load_fitted(folder: Path, *, key: str, weights_sha256: str) -> Fitted:
    """Read both files of a folder; raises ModelError if one is missing, malformed, or fitted for other weights."""
    try:
        card = ReadingCard.model_validate_json((folder / NAME).read_bytes())
        blob = read_whole(folder / ARRAYS, sha256=card.arrays_sha256)
    except OSError as error:
        raise ModelError(
            Text(
                "prediction.calibration-key",
                "The calibration of {key} is incomplete; fit it again with `meddef calibrate`.",
                key=key,
            )
        ) from error
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ModelError(
            Text(
                "prediction.calibration-key-malformed",
                "The calibration of {key} is malformed at {where}; fit it again with `meddef calibrate`.",
                key=key,
                where=repr(where),
            )
        ) from error
    here = [Shipped(key, key, weights_sha256)]
    if match_weights(card.model, card.weights_sha256, here) is not Match.MATCHED:
        raise ModelError(
            Text(
                "prediction.calibration-key-fitted",
                "The calibration of {key} was fitted for other weights and is not used; fit it again with "
                "`meddef calibrate`.",
                key=key,
            )
        )
    if hashlib.sha256(blob).hexdigest() != card.arrays_sha256:
        raise ModelError(
            Text(
                "prediction.calibration-key-does",
                "The calibration of {key} does not match its arrays; fit it again with `meddef calibrate`.",
                key=key,
            )
        )
    try:
        return _from_arrays(card, load(blob))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError(Text("prediction.arrays-key", "The arrays of {key}'s calibration cannot be read; fit "
        "it again with `meddef calibrate`.", key=key)) \
            from error  # fmt: skip


def save_fitted(folder: Path, fitted: Fitted) -> None:
    """Write both files, arrays first, and stamp the card with their hash."""
    blob = encode(fitted)
    card = fitted.card.model_copy(update={"arrays_sha256": hashlib.sha256(blob).hexdigest()})
    text = json.dumps(card.model_dump(mode="json"), indent=2, allow_nan=False) + "\n"
    write_pair(folder / ARRAYS, blob, card=folder / NAME, text=text)


def encode(fitted: Fitted) -> bytes:
    """The arrays as a safetensors file: float32, labels int64."""
    detector = fitted.detector
    arrays: dict[str, Any] = {"middle": detector.middle, "spread": detector.spread, "kinds": detector.kinds.weights}
    for name, one in zip(STATISTICS, detector.gaussians, strict=True):
        arrays |= {f"{name}/{field}": getattr(one, field) for field in ("centre", "scale", "axes", "variances")}
        arrays[f"{name}/rest"] = np.array([one.rest])
    small = {key: np.ascontiguousarray(value, dtype=np.float32) for key, value in arrays.items()}
    for part in LISTS:
        outputs: Outputs = getattr(fitted, part)
        small[f"{part}/logits"] = np.ascontiguousarray(outputs.logits, dtype=np.float32)
        small[f"{part}/labels"] = np.ascontiguousarray(outputs.labels, dtype=np.int64)
    return bytes(save(small))


def _from_arrays(card: ReadingCard, arrays: Mapping[str, Any]) -> Fitted:
    wide = {key: value.astype(np.float64) for key, value in arrays.items() if value.dtype == np.float32}
    gaussians = tuple(
        Gaussian(
            wide[f"{name}/centre"], wide[f"{name}/scale"], wide[f"{name}/axes"], wide[f"{name}/variances"],
            float(wide[f"{name}/rest"][0]),
        )
        for name in STATISTICS
    )  # fmt: skip
    kinds = Kinds(card.kinds, wide["kinds"])
    outputs = None if card.outputs is None else card.outputs.limits_of()
    detector = Detector(
        gaussians, wide["middle"], wide["spread"], kinds, card.unusual_above, card.refused_above, outputs
    )
    val, test = (Outputs(wide[f"{part}/logits"], arrays[f"{part}/labels"]) for part in LISTS)
    return Fitted(card, detector, val, test)
