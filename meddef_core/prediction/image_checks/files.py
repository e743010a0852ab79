"""The fitted checks on disk: `assets/image_checks/checks.json` for people, `checks.safetensors` for the arrays."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from meddef_core.errors import ModelError
from meddef_core.io.files import read_whole, write_pair
from meddef_core.io.places import assets
from meddef_core.prediction.image_checks.composite import PageNet
from meddef_core.prediction.image_checks.upright import Upright
from meddef_core.text import Text

FOLDER = assets("image_checks")
NAME, ARRAYS = "checks.json", "checks.safetensors"


class ChecksCard(BaseModel):
    """`checks.json`: what the checks were fitted on, the score of a page by task, and what was measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    arrays_sha256: str
    fitted_on: dict[str, Any]
    """The training scans of each task with the digest of their list."""
    page_above: dict[str, float]
    """By task: the score above which a picture is a page."""
    measured: dict[str, Any]
    """By source: scans flagged, and faults found, by kind. Nothing was chosen on the test lists."""


@dataclass(frozen=True, eq=False)
class ImageChecks:
    """The checks of every task: which way up by task, and the one network that tells a page."""

    card: ChecksCard
    uprights: Mapping[str, Upright]
    page: PageNet


def image_checks() -> ImageChecks:
    """The shipped checks, read once. Raises ModelError if they are missing or do not match their card."""
    return _cached(FOLDER)


@lru_cache(maxsize=2)
def _cached(folder: Path) -> ImageChecks:
    return load_checks(folder)


def load_checks(folder: Path) -> ImageChecks:
    """Read both files of a folder; raises ModelError if one is missing, malformed or does not match the other."""
    again = Text(
        "prediction.restore-assets", "restore assets/image_checks, or fit the checks again with `meddef image-checks`."
    )
    try:
        card = ChecksCard.model_validate_json((folder / NAME).read_bytes())
        blob = read_whole(folder / ARRAYS, sha256=card.arrays_sha256)
    except (OSError, ValidationError) as error:
        raise ModelError(
            Text("prediction.image-checks", "The image checks are incomplete or malformed; {again}", again=again)
        ) from error
    if hashlib.sha256(blob).hexdigest() != card.arrays_sha256:
        raise ModelError(
            Text("prediction.image-checks-do", "The image checks do not match their card; {again}", again=again)
        )
    try:
        arrays = load(blob)
        page = PageNet()
        page.load_state_dict({key[5:]: torch.from_numpy(value) for key, value in arrays.items() if key[:5] == "page/"})
        uprights = {task: Upright(arrays[f"upright/{task}"].astype(np.float64)) for task in card.page_above}
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise ModelError(
            Text("prediction.arrays-image", "The arrays of the image checks cannot be read; {again}", again=again)
        ) from error
    return ImageChecks(card, uprights, page.eval().requires_grad_(False))


def save_checks(folder: Path, checks: ImageChecks) -> None:
    """Write both files, arrays first, and stamp the card with their hash."""
    arrays = {f"page/{key}": value.numpy() for key, value in checks.page.state_dict().items()}
    arrays |= {f"upright/{task}": one.weights.astype(np.float32) for task, one in checks.uprights.items()}
    blob = bytes(save({key: np.ascontiguousarray(value) for key, value in arrays.items()}))
    card = checks.card.model_copy(update={"arrays_sha256": hashlib.sha256(blob).hexdigest()})
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(card.model_dump(mode="json"), indent=2, allow_nan=False) + "\n"
    write_pair(folder / ARRAYS, blob, card=folder / NAME, text=text)
