"""What the cards of a lesson draw, beyond what the laboratory draws: plain, frozen values."""

from dataclasses import dataclass
from typing import Any

from dashboard.services.results.common import AttackOutcome, ModelChoice, Picture, Reading


@dataclass(frozen=True, eq=False)
class Rival:
    """One way to change a scan. `knows` is what its maker knew: "white box", "black box" or "control"."""

    title: str
    knows: str
    one_line: str
    outcome: AttackOutcome


@dataclass(frozen=True)
class ProbabilityCurve:
    """The probability of one model's clean output when it is attacked at each budget, 0 first."""

    model: ModelChoice
    label: str
    eps: tuple[float, ...]
    shares: tuple[float, ...]
    labels: tuple[str, ...]
    """What the model says at each budget."""

    @property
    def flips_at(self) -> float | None:
        """The smallest of the budgets tried at which the output changed."""
        return next((e for e, said in zip(self.eps, self.labels, strict=True) if said != self.label), None)


@dataclass(frozen=True, eq=False)
class Tried:
    """One attempt to break a defence; its picture was read again by the defence itself."""

    reading: Reading
    linf: float
    fooled: bool


@dataclass(frozen=True, eq=False)
class DefenceDemonstration:
    """A defence that only looks like one, attacked as its maker did and by somebody who knows it."""

    title: str
    one_line: str
    flaw: str
    citation: str
    caught_by: tuple[str, ...]
    """Titles of the trust checks that look for this flaw."""
    clean: Reading
    naive: Tried
    adaptive: Tried
    eps: float


@dataclass(frozen=True, eq=False)
class Thinned:
    """A model after one-shot pruning, reading a scan and attacked."""

    model: ModelChoice
    sparsity: float
    kept: int
    prunable: int
    before: Reading
    """Of the model as shipped."""
    clean: Reading
    attacked: Tried


@dataclass(frozen=True)
class TrainingSummary:
    """How a model was trained, from its card. `eps` is None where it saw clean scans only."""

    model: ModelChoice
    objective: str
    eps: float | None
    epochs: int | None
    scans: int | None


@dataclass(frozen=True)
class CardMeasurement:
    """One line of a card's measurements on its test list. `eps` 0 is the clean list."""

    model: ModelChoice
    attack: str
    eps: float
    balanced_accuracy: float
    interval: tuple[float, float]
    n: int


@dataclass(frozen=True, eq=False)
class QuizPair:
    """The two pictures of a quiz item, in the order shown, and what the model says of the scan clean and attacked.

    `origins` says of each picture "clean", "noise" or "attacked".
    """

    pictures: tuple[Picture, Picture]
    origins: tuple[str, str]
    clean: Reading
    readings: tuple[Reading, Reading]
    linf: float


def card_number(source: dict[str, Any], *path: str) -> Any:
    """The value at that path of nested mappings, or None where there is none."""
    found: Any = source
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found
