"""What a model says of itself: its card."""

import re
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from meddef_core.errors import DataError, ModelError
from meddef_core.model import MedDefConfig
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.settings import worded
from meddef_core.tasks import get_task
from meddef_core.text import Text

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

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
    ships: bool = True
    """False for a model of which the card alone is here: a record, for the tables."""


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
                    raise ValueError(Text("zoo.must-be-object", "{key} must be an object", key=".".join((name, *path))))
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


def check_spelling(name: str) -> None:
    """Raise ModelError if a model cannot be called `name`, which becomes a folder's."""
    if not _NAME.fullmatch(name):
        raise ModelError(
            Text(
                "zoo.model-name-letters",
                "A model's name holds small letters, digits, - and _, unlike {name}; choose another.",
                name=repr(name),
            )
        )


def read_card(path: Path) -> Card:
    """The card in a file; ModelError unless it is well-formed, of its folder, and describes a network."""
    try:
        card = Card.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(
            Text(
                "zoo.card-path",
                "The card {path} cannot be read ({reason}); restore it.",
                path=path,
                reason=error.strerror,
            )
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        name = "/".join(path.parts[-3:])
        raise ModelError(
            Text(
                "zoo.card-name",
                "The card {name} is malformed at {where}: {reason}.",
                name=name,
                where=repr(where),
                reason=worded(first),
            )
        ) from error
    if card.key != "/".join(path.parts[-3:-1]):
        raise ModelError(
            Text(
                "zoo.card-path-calls",
                "The card {path} calls itself {key}; move it to that folder.",
                path="/".join(path.parts[-3:]),
                key=card.key,
            )
        )
    try:
        get_task(card.task)
        MedDefConfig(**card.config)
        Preprocessing(**card.preprocessing)
    except (DataError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            Text(
                "zoo.card-key",
                "The card of {key} describes another network than there can be: {reason}",
                key=card.key,
                reason=reason,
            )
        ) from error
    return card
