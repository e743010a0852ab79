"""Model cards and weights: list, load, verify, save.

A model is a folder `assets/models/<task>/<name>/` with `weights.safetensors` and `card.json`. The card names the
hash of the weights; weights without a matching card do not load.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from meddef_core.errors import DataError, ModelError
from meddef_core.io.files import replacing
from meddef_core.model import MedDef, MedDefConfig, parameter_count
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.settings import settings
from meddef_core.tasks import Task, get_task
from meddef_core.zoo.packed import Values, is_pruned, pack, unpack

MODELS = Path(__file__).resolve().parents[2] / "assets" / "models"

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

MAX_BYTES = 12_000_000
"""A weights file above this does not belong into the repository."""


_SECTIONS = (
    ("training", ("recipe", "objective")),
    ("training", ("recipe", "model")),
    ("data", ("lists", "train")),
    ("data", ("lists", "val")),
    ("data", ("lists", "test")),
    ("metrics", ("clean",)),
)
"""Parts of a card that pages and commands look into, by field and keys."""


class Weights(BaseModel):
    """The file that holds a model's weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    sha256: str
    dtype: str
    bytes: int


class Card(BaseModel):
    """What a model is, what it was trained on and what was measured of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    task: str
    name: str
    title: str
    summary: str
    config: dict[str, Any]
    preprocessing: dict[str, Any]
    parameters: int
    weights: Weights
    training: dict[str, Any]
    """The recipe, and the step and validation score of the chosen weights."""
    data: dict[str, Any]
    """Protocol, and size and hash of every list."""
    metrics: dict[str, Any]
    """Measured on the test list, with the shipped file."""

    @model_validator(mode="after")
    def _sections_are_sections(self) -> Self:
        """What readers look into: anything may be missing, and what is there must have entries of its own."""
        for name, path in _SECTIONS:
            found: Any = getattr(self, name)
            for key in path:
                found = found.get(key, {})
                if not isinstance(found, dict):
                    raise ValueError(f"{'.'.join((name, *path))} must be an object")
        return self

    @property
    def key(self) -> str:
        """`<task>/<name>`."""
        return f"{self.task}/{self.name}"

    @property
    def objective(self) -> str | None:
        """What the model was trained to minimise; None where the card does not say."""
        kind = self.training.get("recipe", {}).get("objective", {}).get("kind")
        return None if kind is None else str(kind)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A shared, read-only model: eval mode, fp32, parameters frozen."""

    card: Card
    network: nn.Module
    """A `MedDef`, or one behind a baseline's wrapper (`meddef_core.baselines`), which has no explanation maps."""
    task: Task
    preprocessing: Preprocessing
    folder: Path | None = None
    """Where card and weights stand, and what was fitted for them (`meddef_core.predict`); None for one in no folder."""

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


def malformed_models(root: Path | None = None) -> dict[str, str]:
    """Why a card cannot be used, in one sentence, by `<task>/<name>`; empty where all can."""
    return {key: str(error) for key, error in _cards(root).items() if isinstance(error, ModelError)}


def _cards(root: Path | None) -> dict[str, Card | ModelError]:
    found: dict[str, Card | ModelError] = {}
    for path in sorted((root or models_root()).glob("*/*/card.json")):
        key = "/".join(path.parts[-3:-1])
        try:
            found[key] = _read_card(path)
        except ModelError as error:
            found[key] = error
    return found


def load_model(key: str, root: Path | None = None) -> LoadedModel:
    """Load `<task>/<name>`; raises ModelError if it is missing, malformed or does not match its card."""
    root = root or models_root()
    known = sorted("/".join(path.parts[-3:-1]) for path in root.glob("*/*/card.json"))
    if key not in known:
        raise ModelError(f"There is no model {key!r}; the models here are: {', '.join(known) or 'none'}.")
    folder = root / key
    card = _read_card(folder / "card.json")
    path = folder / card.weights.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"The weights of {key} are missing ({path.name}); restore the file.") from error
    if hashlib.sha256(data).hexdigest() != card.weights.sha256:
        raise ModelError(f"The weights of {key} do not match the hash on their card; restore both files.")
    try:
        task = get_task(card.task)
        config = MedDefConfig(**card.config)
        preprocessing = Preprocessing(**card.preprocessing)
        network = MedDef(config)
        network.load_state_dict({name: tensor.float() for name, tensor in unpack(load(data)).items()})
    except ModelError as error:
        raise ModelError(f"The weights of {key} cannot be unpacked; restore the file: {error}") from error
    except (DataError, SafetensorError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"The card of {key} describes another network than its weights hold: {reason}") from error
    return LoadedModel(card, network.eval().requires_grad_(False), task, preprocessing, folder)


def check_spelling(name: str) -> None:
    """Raise ModelError if a model cannot be called `name`, which becomes a folder's."""
    if not NAME.fullmatch(name):
        raise ModelError(f"A model's name holds small letters, digits, - and _, unlike {name!r}; choose another.")


def save_model(
    folder: Path,
    state: dict[str, Tensor],
    *,
    task: Task,
    name: str,
    title: str,
    summary: str,
    config: MedDefConfig,
    training: dict[str, Any],
    data: dict[str, Any],
    metrics: dict[str, Any],
    preprocessing: Preprocessing | None = None,
    packed: bool | None = None,
    values: Values = "float16",
) -> Card:
    """Write weights (see `encode`) and card to `folder`; weights first, so that no card stands without its file.

    Raises ModelError if the file would be too large to ship.
    """
    blob, dtype = encode(state, packed=packed, values=values)
    if len(blob) > MAX_BYTES:
        raise ModelError(f"{len(blob) / 1e6:.1f} MB of weights are too many to ship; prune or narrow the network.")
    card = describe(
        blob,
        task=task,
        name=name,
        title=title,
        summary=summary,
        config=config,
        training=training,
        data=data,
        metrics=metrics,
        preprocessing=preprocessing,
        dtype=dtype,
    )
    with replacing(folder / card.weights.file) as beside:
        beside.write_bytes(blob)
    rewrite_card(folder, card)
    return card


def rewrite_card(folder: Path, card: Card) -> None:
    """Write a card anew, whole or not at all; its weights stay as they are."""
    with replacing(folder / "card.json") as beside:
        beside.write_text(json.dumps(card.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")


def describe(
    blob: bytes,
    *,
    task: Task,
    name: str,
    title: str,
    summary: str,
    config: MedDefConfig,
    training: dict[str, Any],
    data: dict[str, Any],
    metrics: dict[str, Any],
    preprocessing: Preprocessing | None = None,
    dtype: str = "float16",
) -> Card:
    """The card of a weights file with that content; the task's own preprocessing where none is given."""
    weights = Weights(file="weights.safetensors", sha256=hashlib.sha256(blob).hexdigest(), dtype=dtype, bytes=len(blob))
    return Card(
        task=task.key,
        name=name,
        title=title,
        summary=summary,
        config=config.to_dict(),
        preprocessing=(preprocessing or task.preprocessing).to_dict(),
        parameters=parameter_count(MedDef(config)),
        weights=weights,
        training=training,
        data=data,
        metrics=metrics,
    )


def encode(state: dict[str, Tensor], *, packed: bool | None = None, values: Values = "float16") -> tuple[bytes, str]:
    """A weights file's content and the dtype its card names: `float16`, `packed-float16` or `packed-int8`.

    Packed if asked for, and if not said, where the network was pruned: others stay readable by any safetensors reader.
    What comes back is `compact` exactly, but for `values="int8"` (see `meddef_core.zoo.packed`).
    """
    small = compact(state)
    if values == "float16" and not (is_pruned(small) if packed is None else packed):
        return save(small), "float16"
    return save(pack(small, values=values)), f"packed-{values}"


def restored(config: MedDefConfig, state: dict[str, Tensor], *, values: Values = "float16") -> MedDef:
    """The network as it comes back from the file that `encode` writes: rounded, fp32, frozen, in eval mode."""
    stored = compact(state)
    network = MedDef(config)
    if values != "float16":
        stored = unpack(pack(stored, values=values))
    network.load_state_dict({key: value.float() for key, value in stored.items()})
    return network.eval().requires_grad_(False)


def compact(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as shipped: fp16, but batch-norm statistics fp32, because a variance can lie outside fp16's range."""
    return {
        key: (value.half() if value.is_floating_point() and "running_" not in key else value).contiguous()
        for key, value in state.items()
    }


def _read_card(path: Path) -> Card:
    try:
        card = Card.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(f"The card {path} cannot be read ({error.strerror}); restore it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        name = "/".join(path.parts[-3:])
        raise ModelError(f"The card {name} is malformed at {where!r}: {first['msg']}.") from error
    if card.key != "/".join(path.parts[-3:-1]):
        raise ModelError(f"The card {'/'.join(path.parts[-3:])} calls itself {card.key}; move it to that folder.")
    try:
        get_task(card.task)
        MedDefConfig(**card.config)
        Preprocessing(**card.preprocessing)
    except (DataError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"The card of {card.key} describes another network than there can be: {reason}") from error
    return card
