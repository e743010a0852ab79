"""What a worst case is made of: attacks of a set, the plan they are run by, and what became of each scan."""

from dataclasses import dataclass
from typing import Literal

from meddef_core.attacks import AttackSpec

CHUNK = 32
"""Scans that are attacked together: many enough to keep a core busy, few enough to lose little when interrupted."""

CLEAN = "clean"
"""What breaks a scan that is misread as it is."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One attack of a set."""

    spec: AttackSpec
    scans: Literal["all", "few", "rest"] = "all"
    """Run on all scans, on `FEW` of the list, or on all but these."""
    largest_first: bool = False
    """Run after the others, the largest budget first, and not again below one that a scan withstood.

    For an attack whose cost is all in the scans that stand. Its smaller ball lies inside the larger one, where as many
    queries found nothing.
    """

    def takes(self, position: int, *, few: frozenset[int]) -> bool:
        """Whether the scan at this place of the list is one of its scans."""
        return self.scans == "all" or (position in few) == (self.scans == "few")


@dataclass(frozen=True, kw_only=True)
class AtBudget:
    """What became of one scan at one budget."""

    eps: float
    broken_by: str | None = None
    """Name of the attack, `CLEAN` where the scan is misread as it is, None where nothing broke it."""
    attack: int | None = None
    """Position of that attack in the set; None where none was needed or none succeeded."""
    found_at: float | None = None
    """Budget the attack had: a scan broken at a smaller epsilon is broken by the same image at every larger one."""
    step: int | None = None
    """The attack's step that first fooled the network (`AttackResult.first_fooled`); 0 for a misread scan."""
    distance: float | None = None
    """How far the image that breaks it is, measured in the norm of the set."""
    prediction: int | None = None
    """What the network makes of that image."""


@dataclass(frozen=True, kw_only=True)
class ImageResult:
    """What became of one scan: its worst case at every budget of the set, or under every attack alone."""

    position: int
    """In the list, from 0."""
    scan_sha256: str
    """Of the scan's bytes, as the list keeps it."""
    label: int
    clean_prediction: int
    tried: tuple[int, ...]
    """Positions in the set of the attacks that were run on it, ascending; none needs to follow one that breaks it."""
    at: tuple[AtBudget, ...]
    """By budget, the smallest first; by attack where each is alone."""

    @property
    def broken_by(self) -> str | None:
        """What broke it at the largest budget."""
        return self.at[-1].broken_by


@dataclass(frozen=True, kw_only=True)
class EvaluationPlan:
    """All that determines the per-image results, beside the network and the list."""

    attacks: tuple[Trial, ...]
    """By budget, the smallest first; within a budget, and where each is alone, in the order given."""
    positions: tuple[int, ...]
    """Of the list, ascending."""
    few: frozenset[int]
    """Positions that get the attacks for few scans, and not those for the rest."""
    chunk: int = CHUNK
    alone: bool = False
    """Every attack by itself: a scan that one breaks does not leave the others, and none is carried on."""

    @property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Positions of the attacks that a scan's results are put together from: those of a budget, or each alone."""
        if self.alone:
            return tuple((number,) for number in range(len(self.attacks)))
        budgets = sorted({trial.spec.eps for trial in self.attacks})
        return tuple(
            tuple(number for number, trial in enumerate(self.attacks) if trial.spec.eps == eps) for eps in budgets
        )

    @property
    def budgets(self) -> tuple[float, ...]:
        """Of each level."""
        return tuple(self.attacks[numbers[0]].spec.eps for numbers in self.levels)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Positions, chunk by chunk."""
        starts = range(0, len(self.positions), self.chunk)
        return tuple(self.positions[start : start + self.chunk] for start in starts)
