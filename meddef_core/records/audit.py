"""Records of `meddef audit`: whether a robustness number can be trusted, and whether the audit finds known flaws."""

from typing import Literal

from pydantic import Field

from meddef_core.records.envelope import Budget, Count, Fraction, Record, Size, StrictSchema

Verdict = Literal["green", "amber", "red"]
Severity = Literal["red", "amber"]


class RecordedFinding(StrictSchema):
    """What one check found; `severity` is given where it failed."""

    check: str
    group: str
    title: str
    status: Literal["passed", "failed", "not applicable"]
    severity: Severity | None
    sentence: str
    figures: dict[str, float | None] = Field(default_factory=dict)


class AuditNumbers(StrictSchema):
    """The verdict and all its findings. Of `n` scans, `clean` are predicted correctly and `robust` also at `eps`."""

    verdict: Verdict
    meaning: str
    plan: str
    eps: Budget
    n: Size
    clean: Count
    robust: Count
    robust_interval: tuple[Fraction, Fraction]
    findings: tuple[RecordedFinding, ...]

    @property
    def flagged(self) -> tuple[RecordedFinding, ...]:
        """The findings that failed, the gravest first."""
        failed = [found for found in self.findings if found.severity is not None]
        return tuple(sorted(failed, key=lambda found: found.severity != "red"))


class AuditRecord(Record):
    """`audit/<task>/<model>.json`."""

    kind: Literal["audit"]
    numbers: AuditNumbers


class SelfTestRow(StrictSchema):
    """What the audit said about one broken defence."""

    name: str
    title: str
    verdict: Verdict
    flagged: bool
    caught_by: tuple[str, ...]
    failing: tuple[str, ...]


class SelfTestNumbers(StrictSchema):
    """The audit of the honest network, and of each broken defence around it."""

    honest: AuditNumbers
    rows: tuple[SelfTestRow, ...]


class SelfTestRecord(Record):
    """`meddef audit --self-test`."""

    kind: Literal["audit_self_test"]
    numbers: SelfTestNumbers
