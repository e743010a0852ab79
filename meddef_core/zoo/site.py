"""Site profiles: what was fitted on one hospital's scans for the weights of one model.

A profile is a folder with `profile.json` and, where the weights were trained further, their file. It names the hash of
the weights that it was made for and is refused for any other. `MEDDEF_SITE` names the folder that is used.
"""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from meddef_core.errors import ModelError
from meddef_core.io.files import replacing
from meddef_core.model import MedDef
from meddef_core.model.offsets import add_offsets
from meddef_core.settings import settings
from meddef_core.text import Text
from meddef_core.zoo.save import compact

NAME = "profile.json"
WEIGHTS = "weights-*.safetensors"


class SiteWeights(BaseModel):
    """The file of weights that were trained further, beside `profile.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(pattern=r"^weights-[0-9a-f]{12}\.safetensors$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class SiteOutputs(BaseModel):
    """Limits of the outputs as in `meddef_core.prediction.output_limits.OutputLimits`; None where a class has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float
    middle: float
    spread: float = Field(gt=0)
    limits: tuple[float | None, ...]


class SiteProfile(BaseModel):
    """`profile.json`. `middle` replaces that of the detector of unusual scans; None keeps the model's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    model: str
    weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created: str
    title: str = Field(min_length=1, max_length=120)
    temperature: float = Field(gt=0)
    offsets: tuple[float, ...]
    """Added to the logits, a class each."""
    outputs: SiteOutputs
    middle: tuple[float, ...] | None = None
    weights: SiteWeights | None = None
    numbers: dict[str, Any] = Field(default_factory=dict)
    """The numbers of the site report that it was made with."""

    @property
    def digest(self) -> str:
        """sha256 of what changes predictions, so that a record names exactly this profile."""
        told = self.model_dump(mode="json", exclude={"numbers", "created"})
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def save_profile(folder: Path, profile: SiteProfile, *, state: dict[str, Tensor] | None = None) -> SiteProfile:
    """Write a profile to a folder, weights first; what stood there counts until `profile.json` is replaced.

    `state` are weights that were trained further. Gives back the profile with their hash.
    """
    if state is not None:
        blob = save(compact(state))
        digest = hashlib.sha256(blob).hexdigest()
        profile = profile.model_copy(
            update={"weights": SiteWeights(file=f"weights-{digest[:12]}.safetensors", sha256=digest)}
        )
        assert profile.weights is not None
        with replacing(folder / profile.weights.file) as beside:
            beside.write_bytes(blob)
    with replacing(folder / NAME) as beside:
        beside.write_text(
            json.dumps(profile.model_dump(mode="json"), indent=2, allow_nan=False) + "\n", encoding="utf-8"
        )
    for path in folder.glob(WEIGHTS):
        if profile.weights is None or path.name != profile.weights.file:
            path.unlink()
    return profile


def read_profile(folder: Path) -> SiteProfile:
    """The profile of a folder, or of a `profile.json`; ModelError where there is none or it is bad."""
    path = folder if folder.name == NAME else folder / NAME
    try:
        return SiteProfile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(
            Text(
                "zoo.there-no-site",
                "There is no site profile in {folder} ({reason}); make one with `meddef site --adjust`.",
                folder=folder,
                reason=error.strerror,
            )
        ) from error
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "its beginning"
        raise ModelError(
            Text(
                "zoo.site-profile",
                "The site profile in {folder} is malformed at {where}; make it again with `meddef site --adjust`.",
                folder=folder,
                where=repr(where),
            )
        ) from error


def configured_profile() -> SiteProfile | None:
    """The profile that `MEDDEF_SITE` names; None where it is not set. Raises ModelError as `read_profile`."""
    folder = settings().site
    return None if folder is None else read_profile(folder)


def check_made_for(profile: SiteProfile, *, key: str, weights_sha256: str) -> None:
    """Raise ModelError where a profile is of another model or of other weights of it."""
    if (profile.model, profile.weights_sha256) != (key, weights_sha256):
        raise ModelError(
            Text(
                "zoo.site-profile-title",
                "The site profile {title} was made for other weights ({model}, {digest}…) than those of {key}; "
                "make it again with `meddef site`, or unset MEDDEF_SITE.",
                title=repr(profile.title),
                model=profile.model,
                digest=profile.weights_sha256[:12],
                key=key,
            )
        )


def adjusted_network(network: MedDef, profile: SiteProfile, *, state: dict[str, Tensor] | None = None) -> MedDef:
    """A frozen copy of a network with a profile's weights, where it has any, and its offsets; ModelError as `load`."""
    changed = copy.deepcopy(network)
    try:
        if state is not None:
            changed.load_state_dict({name: value.float() for name, value in compact(state).items()})
        add_offsets(changed, profile.offsets)
    except RuntimeError as error:
        raise ModelError(
            Text(
                "zoo.site-profile-title-does",
                "The site profile {title} does not fit the network of {model}; make it again.",
                title=repr(profile.title),
                model=profile.model,
            )
        ) from error
    return changed.eval().requires_grad_(False)


def read_weights(folder: Path, profile: SiteProfile) -> dict[str, Tensor] | None:
    """The weights that were trained further, None where there are none; ModelError where they are not the profile's."""
    if profile.weights is None:
        return None
    root = folder.parent if folder.name == NAME else folder
    try:
        blob = (root / profile.weights.file).read_bytes()
        if hashlib.sha256(blob).hexdigest() != profile.weights.sha256:
            raise ModelError(
                Text(
                    "zoo.weights-site",
                    "The weights of the site profile {title} do not match its hash; make it again.",
                    title=repr(profile.title),
                )
            )
        return dict(load(blob))
    except (OSError, SafetensorError) as error:
        raise ModelError(
            Text(
                "zoo.weights-site-profile",
                "The weights of the site profile {title} cannot be read; make it again.",
                title=repr(profile.title),
            )
        ) from error
