"""The audit audited: it must flag every broken defence, and call the honest network below them anything but red."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from meddef_core.auditing.broken.defences import BROKEN
from meddef_core.auditing.finding import Verdict
from meddef_core.auditing.run import Audit, audit
from meddef_core.auditing.subject import AuditPlan, AuditSubject

PLAN = AuditPlan(
    name="self-test",
    images=24,
    steps=8,
    queries=40,
    decision_images=2,
    decision_steps=2,
    decision_samples=30,
    probes=12,
    bypass_images=8,
)
"""As little work as shows the flaws: they are gross."""


@dataclass(frozen=True, kw_only=True)
class SelfTestOutcome:
    """What the audit said about one broken defence."""

    name: str
    title: str
    verdict: Verdict
    flagged: bool
    """Whether a check that looks for this flaw failed."""
    caught_by: tuple[str, ...]
    """Those of the checks that look for this flaw which failed."""
    failing: tuple[str, ...]
    """Every check that failed, the severe ones first."""


def self_test(
    honest: AuditSubject, *, plan: AuditPlan = PLAN, on_row: Callable[[int, int, str], None] | None = None
) -> tuple[Audit, tuple[SelfTestOutcome, ...]]:
    """The audit of an honest subject, and of every broken defence built around its network."""
    rows: list[SelfTestOutcome] = []
    for done, broken in enumerate(BROKEN.values()):
        if on_row is not None:
            on_row(done, len(BROKEN), broken.title)
        found = audit(replace(honest, network=broken.build(honest.network), harness=broken.harness), plan=plan)
        failing = tuple(finding.check for finding in found.failing)
        caught = tuple(name for name in failing if name in broken.caught_by)
        rows.append(
            SelfTestOutcome(
                name=broken.name,
                title=broken.title,
                verdict=found.verdict,
                flagged=found.verdict != "green" and bool(caught),
                caught_by=caught,
                failing=failing,
            )
        )
    return audit(honest, plan=plan), tuple(rows)
