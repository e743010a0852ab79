"""An audit as lines for a reader."""

from collections.abc import Sequence

from meddef_core.auditing.finding import GROUPS, Finding
from meddef_core.auditing.run import Audit
from meddef_core.auditing.self_test import SelfTestOutcome
from meddef_core.auditing.words import flaws
from meddef_core.eps import format_eps

MARKS = {"passed": "ok", "not applicable": "--"}


def lines(found: Audit, *, name: str) -> list[str]:
    """Verdict and robust accuracy first, then every check below its group."""
    head = [
        f"{name} at {format_eps(found.eps)}: {found.verdict.upper()}. {found.meaning}",
        f"{flaws_found(found)} {robust_accuracy(found)}",
    ]
    body: list[str] = []
    for group, title in GROUPS.items():
        own = [finding for finding in found.findings if finding.group == group]
        body += [title, *(_line(finding) for finding in own)] if own else []
    return [*head, *body]


def flaws_found(found: Audit) -> str:
    """How many of the checks that apply found a flaw, and on how many scans, as one sentence."""
    carried_out = sum(finding.status != "not applicable" for finding in found.findings)
    words = flaws(len(found.failing), of=carried_out, n=found.n)
    return f"{words[0].upper()}{words[1:]}."


def robust_accuracy(found: Audit) -> str:
    """Robust and clean accuracy as one sentence, with interval and epsilon."""
    low, high = found.robust_interval
    return (
        f"Robust accuracy is at most {found.robust / found.n:.1%} ({found.robust} of {found.n}, 95% interval {low:.1%} "
        f"to {high:.1%}) at {format_eps(found.eps)}; clean accuracy is {found.clean / found.n:.1%}."
    )


def _line(finding: Finding) -> str:
    mark = finding.severity.upper() if finding.severity else MARKS[finding.status]
    return f"  {mark:<5} {finding.title}: {finding.sentence}"


def self_test_lines(honest: Audit, rows: Sequence[SelfTestOutcome], *, name: str) -> list[str]:
    """One line a broken defence: verdict, and which check saw through it."""
    flagged = sum(row.flagged for row in rows)
    width = max(len(row.title) for row in rows)
    return [
        f"{flagged} of {len(rows)} broken defences around {name} flagged; without one it is {honest.verdict.upper()}.",
        *(f"  {row.verdict.upper():<5} {row.title:<{width}}  {_seen(row)}" for row in rows),
    ]


def _seen(row: SelfTestOutcome) -> str:
    return f"seen by {', '.join(row.caught_by)}" if row.flagged else "NOT SEEN"
