"""Models are listed, and loaded where their weights match their card."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from meddef_core.errors import DataError, ModelError
from meddef_core.io.files import read_whole
from meddef_core.io.places import assets
from meddef_core.model import MedDef, MedDefConfig
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.settings import settings
from meddef_core.tasks import Task, get_task
from meddef_core.text import Text
from meddef_core.zoo.card import Card, read_card
from meddef_core.zoo.packed import unpack
from meddef_core.zoo.site import (
    SiteProfile,
    adjusted_network,
    check_made_for,
    configured_profile,
    read_weights,
)

MODELS = assets("models")


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A shared, read-only model: eval mode, fp32, parameters frozen."""

    card: Card
    network: nn.Module
    """A `MedDef`, or one behind a baseline's wrapper (`meddef_core.baselines`), which has no explanation maps."""
    task: Task
    preprocessing: Preprocessing
    folder: Path | None = None
    """Where card, weights and what was fitted for them (`meddef_core.prediction`) stand; None for one in no folder."""
    site: SiteProfile | None = None
    """The profile of a hospital that it is adjusted for; `card` and `folder` stay those of the shipped weights."""

    @property
    def called(self) -> str:
        """Its key, and the hospital that it is adjusted for."""
        return self.card.key if self.site is None else f"{self.card.key} (adjusted for {self.site.title})"

    def prepares_like(self, other: "LoadedModel") -> bool:
        """Whether an image that was prepared for one may be given to the other."""
        return self.preprocessing == other.preprocessing and self.channels == other.channels

    @property
    def channels(self) -> int:
        """Channels of the images the network takes."""
        return MedDefConfig(**self.card.config).channels


def models_root() -> Path:
    """The folder of models: `MEDDEF_MODELS_DIR`, else the shipped one."""
    return settings().models_dir or MODELS


def list_models(root: Path | None = None) -> list[Card]:
    """Every card, by task and name. A malformed one is left out, and only its own model with it: `malformed_models`."""
    return [card for card in _cards(root).values() if isinstance(card, Card)]


def loadable_models(root: Path | None = None) -> list[Card]:
    """Those of `list_models` whose weights ship: of the others the card is a record, for the tables."""
    return [card for card in list_models(root) if card.weights.ships]


def malformed_models(root: Path | None = None) -> dict[str, str]:
    """Why a card cannot be used, in one sentence, by `<task>/<name>`; empty where all can."""
    return {key: str(error) for key, error in _cards(root).items() if isinstance(error, ModelError)}


def _cards(root: Path | None) -> dict[str, Card | ModelError]:
    found: dict[str, Card | ModelError] = {}
    for path in sorted((root or models_root()).glob("*/*/card.json")):
        key = "/".join(path.parts[-3:-1])
        try:
            found[key] = read_card(path)
        except ModelError as error:
            found[key] = error
    return found


def load_model(key: str, root: Path | None = None, *, at_site: bool = True) -> LoadedModel:
    """Load `<task>/<name>`; raises ModelError if it is missing, malformed or does not match its card.

    The site profile that `MEDDEF_SITE` names changes the model that it was made for, and is refused for other weights
    of that model; without `at_site` the model is loaded as it ships.
    """
    root = root or models_root()
    known = [card.key for card in loadable_models(root)]
    if not (root / key / "card.json").is_file():
        raise ModelError(
            Text(
                "zoo.there-no",
                "There is no model {key}; the models here are: {known}.",
                key=repr(key),
                known=", ".join(known) or Text("zoo.no-models", "none"),
            )
        )
    folder = root / key
    card = read_card(folder / "card.json")
    if not card.weights.ships:
        raise ModelError(
            Text(
                "zoo.record-alone",
                "The weights of {key} do not ship, its card is a record; train it again with its recipe.",
                key=key,
            )
        )
    path = folder / card.weights.file
    try:
        data = read_whole(path, sha256=card.weights.sha256)
    except OSError as error:
        raise ModelError(
            Text(
                "zoo.weights-key",
                "The weights of {key} are missing ({name}); restore the file.",
                key=key,
                name=path.name,
            )
        ) from error
    if hashlib.sha256(data).hexdigest() != card.weights.sha256:
        raise ModelError(
            Text(
                "zoo.weights-key-do",
                "The weights of {key} do not match the hash on their card; restore both files.",
                key=key,
            )
        )
    try:
        task = get_task(card.task)
        config = MedDefConfig(**card.config)
        preprocessing = Preprocessing(**card.preprocessing)
        network = MedDef(config)
        network.load_state_dict({name: tensor.float() for name, tensor in unpack(load(data)).items()})
    except ModelError as error:
        raise ModelError(
            Text(
                "zoo.weights-key-cannot",
                "The weights of {key} cannot be unpacked; restore the file: {error}",
                key=key,
                error=error,
            )
        ) from error
    except (DataError, SafetensorError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            Text(
                "zoo.card-key-describes",
                "The card of {key} describes another network than its weights hold: {reason}",
                key=key,
                reason=reason,
            )
        ) from error
    model = LoadedModel(card, network.eval().requires_grad_(False), task, preprocessing, folder)
    profile = configured_profile() if at_site else None
    return model if profile is None or profile.model != key else _at_site(model, profile)


def _at_site(model: LoadedModel, profile: SiteProfile) -> LoadedModel:
    """The model as the configured profile has it."""
    check_made_for(profile, key=model.card.key, weights_sha256=model.card.weights.sha256)
    folder = settings().site
    assert folder is not None and isinstance(model.network, MedDef)
    return with_profile(model, profile, state=read_weights(folder, profile))


def with_profile(model: LoadedModel, profile: SiteProfile, *, state: dict[str, Tensor] | None = None) -> LoadedModel:
    """A model adjusted by a profile whose further trained weights, if any, are `state`."""
    assert isinstance(model.network, MedDef)
    return replace(model, network=adjusted_network(model.network, profile, state=state), site=profile)
