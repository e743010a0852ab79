"""What a check finds, and what all findings together say about a robustness number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from meddef_core.text import Text

Severity = Literal["amber", "red"]
Verdict = Literal["green", "amber", "red"]
Status = Literal["passed", "failed", "not applicable"]

GROUPS = {
    "contract": Text("audit.contract", "Contract"),
    "gradients": Text("audit.gradient-health", "Gradient health"),
    "sanity": Text("audit.attack-sanity", "Attack sanity"),
    "attack": Text("audit.attack-works", "The attack works at all"),
    "defence": Text("audit.defence", "The defence"),
    "statistics": Text("audit.statistics", "Statistics"),
}
"""Groups of checks in the order they run, and their titles."""

MEANINGS: dict[Verdict, str] = {
    "green": Text("audit.no-check", "No check found a flaw: report robust accuracy with its interval."),
    "amber": Text("audit.some-checks", "Some checks found a flaw: take robust accuracy as an upper bound."),
    "red": Text("audit.check-found", "A check found a severe flaw: do not rely on this robust accuracy."),
}
"""What a verdict says about the robust accuracy that stands beside it: no verdict is shown alone."""


@dataclass(frozen=True, kw_only=True)
class CheckOutcome:
    """What a check found."""

    sentence: str
    """In plain words, with the figures that matter."""
    figures: Mapping[str, float]
    failed: Severity | None = None
    """How severe the failure is; None where the check passed."""
    overstates: bool = False
    """True where the flaw can only make robust accuracy too high: one that is 0% already cannot be."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A check's outcome in one audit."""

    check: str
    """Name of the check."""
    group: str
    title: str
    status: Status
    severity: Severity | None
    """None unless it failed."""
    sentence: str
    figures: Mapping[str, float]


def passed(sentence: str, **figures: float) -> CheckOutcome:
    """The outcome of a check that has nothing to complain of."""
    return CheckOutcome(sentence=sentence, figures=figures)


def failed(severity: Severity, sentence: str, **figures: float) -> CheckOutcome:
    """The outcome of a check that found a flaw."""
    return CheckOutcome(sentence=sentence, figures=figures, failed=severity)


def overstated(severity: Severity, sentence: str, **figures: float) -> CheckOutcome:
    """The outcome of a check that found a flaw by which robust accuracy can only be too high."""
    return CheckOutcome(sentence=sentence, figures=figures, failed=severity, overstates=True)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Red if any check found a severe flaw, amber if any failed at all, else green."""
    found = {finding.severity for finding in findings}
    if "red" in found:
        return "red"
    return "amber" if "amber" in found else "green"
