"""Whether a number that stands under a model's name was measured with the weights that ship under that name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from meddef_core.records.envelope import Claim

if TYPE_CHECKING:
    from meddef_core.zoo import Card

EARLIER = "measured with earlier weights"
"""What must stand beside the name where a number is not of the weights that ship under it."""


class Match(Enum):
    """What a claim came to."""

    MATCHED = "matched"
    OTHER_WEIGHTS = "other weights"
    UNKNOWN_MODEL = "unknown model"
    """No model of that name ships, so the number cannot be taken for one of it."""


@dataclass(frozen=True)
class Shipped:
    """A model that ships: its names and its weights."""

    key: str
    title: str
    weights: str
    loads: bool = True
    """Whether its weights are here: of some models the card alone ships, and no command can measure them again."""

    @property
    def task(self) -> str:
        """Key of its task."""
        return self.key.partition("/")[0]


def shipped(cards: "Iterable[Card]") -> tuple[Shipped, ...]:
    """The models of these cards, as `match` takes them."""
    return tuple(Shipped(card.key, card.title, card.weights.sha256, card.weights.ships) for card in cards)


def match(claim: Claim, models: Sequence[Shipped]) -> Match:
    """The one decision that every reader takes before it shows a number under a model's name.

    All weights behind the number must ship, the first under the name itself, the others (of an ensemble) under any.
    """
    bearers = models_named(claim, models)
    if not bearers:
        return Match.UNKNOWN_MODEL
    known = {model.weights for model in models if model.task == claim.task}
    first, *others = claim.weights
    own = first in {model.weights for model in bearers}
    return Match.MATCHED if own and known.issuperset(others) else Match.OTHER_WEIGHTS


def models_named(claim: Claim, models: Sequence[Shipped]) -> tuple[Shipped, ...]:
    """The models under whose name a number stands; none where no such model ships.

    The name is a key before it is a title; "oct/undefended+jpeg" stands under the name of the model in front.
    """
    here = [model for model in models if model.task == claim.task]
    keys = {*claim.names, *(name.partition("+")[0] for name in claim.names)}
    by_key = tuple(model for model in here if model.key in keys)
    return by_key or tuple(model for model in here if model.title in claim.names)


def match_weights(key: str, weights: str | None, models: Sequence[Shipped]) -> Match:
    """`match` of one model's key and one file's sha256; None, of several models, matches none."""
    task = key.partition("/")[0]
    return match(Claim(task, (key,), (weights or "",)), models)


def named(title: str, found: Match) -> str:
    """A title as a table in English shows it: with a remark where the number is of other weights."""
    return f"{title} ({EARLIER})" if found is Match.OTHER_WEIGHTS else title
