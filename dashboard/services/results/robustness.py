"""What the robustness page draws: one curve and one verdict a model, plain and frozen."""

from dataclasses import dataclass
from typing import Literal

from meddef_core.eps import format_eps
from meddef_core.records import Accuracy, AuditRecord, Spec

Source = Literal["worst", "quick"]
"""The worst case of a set of attacks, or the quick look on the model's card."""


@dataclass(frozen=True)
class Point:
    """Robust accuracy within one budget. `attack` is what left it standing; `command` measures it again."""

    eps: float
    share: Accuracy
    attack: Spec | None
    command: str
    source: Source
    attacks: tuple[Spec, ...]
    """Everything that was tried, whatever its budget."""

    @property
    def label(self) -> str:
        """ "4/255 (0.0157)": the budget in words."""
        return format_eps(self.eps)


@dataclass(frozen=True)
class RobustnessCurve:
    """One model, clean and within growing budgets. `key` is its file's name, `<task>/<name>` that of its card."""

    key: str
    title: str
    n: int
    part: str
    protocol: str
    clean: Accuracy
    quick: tuple[Point, ...] = ()
    """The same look at every model, so that they can be compared."""
    worst: tuple[Point, ...] = ()
    """Of the same scans, at some budgets of some models."""
    other_weights: bool = False
    """A worst case of other weights than this server's is there and was left out."""

    @property
    def points(self) -> tuple[Point, ...]:
        """What is known best at each budget, the smallest first: the worst case, else the quick look."""
        best = {point.eps: point for point in (*self.quick, *self.worst)}
        return tuple(best[eps] for eps in sorted(best))

    def at(self, eps: float) -> Point | None:
        """The point at a budget; None where it was not measured."""
        return next((point for point in self.points if abs(point.eps - eps) < 1e-9), None)


@dataclass(frozen=True)
class TrustVerdict:
    """Whether a model's robustness numbers can be trusted. `word` is "green", "amber", "red" or "none"."""

    word: str
    meaning: str
    record: AuditRecord | None = None
