"""The audit itself: every check on one model, and the verdict on its robustness number."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from meddef_core.auditing.bench import NEEDS, Bench
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import MEANINGS, Finding, Verdict, verdict
from meddef_core.auditing.registry import CHECKS
from meddef_core.auditing.remedies import weights_remedy
from meddef_core.auditing.subject import QUICK, AuditPlan, AuditSubject
from meddef_core.eps import check_budget
from meddef_core.errors import AttackError, MedDefError
from meddef_core.evaluation.metrics import wilson
from meddef_core.text import Text

NOTHING_LEFT = "Robust accuracy is 0% already, so this has not raised it."

OnCheck = Callable[[int, int, str], None]
"""Told how many checks are done, of how many, and the title of the one that runs now."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an audit found."""

    verdict: Verdict
    meaning: str
    plan: str
    eps: float
    n: int
    clean: int
    """Images read rightly; of `n`."""
    robust: int
    """Images that are read rightly and that no attack of the audit broke: an upper bound, as strong as these were."""
    robust_interval: tuple[float, float]
    """95 % Wilson interval of robust / n."""
    findings: tuple[Finding, ...]

    @property
    def failing(self) -> tuple[Finding, ...]:
        """Findings that are no pass, the severe ones first."""
        found = [finding for finding in self.findings if finding.status == "failed"]
        return tuple(sorted(found, key=lambda finding: finding.severity != "red"))


def audit(
    subject: AuditSubject,
    *,
    plan: AuditPlan = QUICK,
    only: Collection[str] | None = None,
    on_check: OnCheck | None = None,
) -> Audit:
    """Every check (or `only` those named) on a subject; the models' modes are left as found.

    Whatever the model raises becomes a finding, never an error of the audit. AttackError where the images, the labels
    or epsilon make no sense.
    """
    _check_subject(subject)
    modes = [(module, module.training) for network in subject.networks for module in network.modules()]
    chosen = [check for check in CHECKS.values() if only is None or check.name in only]
    try:
        bench = Bench(subject, plan)
        findings: list[Finding] = []
        for done, check in enumerate(chosen):
            if on_check is not None:
                on_check(done, len(chosen), check.title)
            findings.append(_finding(check, bench))
        clean, robust = _counts(bench)
    finally:
        for module, training in modes:
            module.training = training
    found = verdict(findings)
    return Audit(
        verdict=found,
        meaning=MEANINGS[found],
        plan=plan.name,
        eps=subject.eps,
        n=len(subject.x),
        clean=clean,
        robust=robust,
        robust_interval=wilson(robust, len(subject.x)),
        findings=tuple(findings),
    )


def _finding(check: Check, bench: Bench) -> Finding:
    about = {"check": check.name, "group": check.group, "title": check.title}
    missing = [need for need in check.needs if not bench.has(need)]
    if missing:
        return Finding(**about, status="not applicable", severity=None, sentence=NEEDS[missing[0]], figures={})
    try:
        outcome = check.run(bench)
    except Exception as error:  # the model is somebody's code: whatever it raises is what the audit is there to find
        words = f"Could not be carried out: {_words(error, bench.network)}"
        return Finding(**about, status="failed", severity="red", sentence=words, figures={})
    severity, sentence = outcome.failed, outcome.sentence
    if severity == "red" and outcome.overstates and _nothing_left(bench):
        severity, sentence = "amber", f"{sentence} {NOTHING_LEFT}"
    return Finding(
        **about,
        status="failed" if severity else "passed",
        severity=severity,
        sentence=sentence,
        figures=dict(outcome.figures),
    )


def _nothing_left(bench: Bench) -> bool:
    """Whether plain PGD breaks every image, so that robust accuracy is 0% and no flaw has raised it."""
    try:
        return len(bench.survivors) == 0
    except Exception:  # already a finding of every check that attacks
        return False


def _words(error: Exception, network: nn.Module) -> str:
    """An exception as the end of a sentence, with the remedy where the weights are the reason."""
    text = " ".join(str(error).split()).rstrip(".") or "without a message"
    if isinstance(error, MedDefError):
        return f"{text}."
    raised = f"the model or the attack raised {type(error).__name__}: {text}"
    remedy = weights_remedy(network)
    return f"{raised}; {remedy}." if remedy else f"{raised}."


def _counts(bench: Bench) -> tuple[int, int]:
    """Images read rightly, and those of them that nothing broke; none where the model cannot even read them."""
    try:
        right = bench.right
    except Exception:  # already a finding of every check that needs the clean readings
        return 0, 0
    return int(right.sum()), int((right & ~bench.broken).sum())


def _check_subject(subject: AuditSubject) -> None:
    x, y = subject.x, subject.y
    check_budget(subject.eps, norm="linf")
    if subject.eps == 0:
        raise AttackError(Text("audit.epsilon-above-zero", "an audit needs an epsilon above 0 (4/255, say)"))
    if x.ndim != 4 or 0 in x.shape or not bool(((x >= 0) & (x <= 1)).all()):
        raise AttackError(
            Text(
                "audit.images-shape",
                "an audit needs images (n, C, H, W) with pixels in [0, 1], not {found}",
                found=_shape(x),
            )
        )
    if y.shape != x.shape[:1] or bool((y < 0).any()) or bool((y >= subject.classes).any()):
        raise AttackError(
            Text(
                "audit.labels-range",
                "an audit needs a label from 0 to {last} for each of {count} images",
                last=subject.classes - 1,
                count=len(x),
            )
        )
    if len(Counter(y.tolist())) < 2:
        raise AttackError(Text("audit.two-classes", "an audit needs images of at least two classes"))


def _shape(x: Tensor) -> str:
    return f"{tuple(x.shape)} from {float(torch.nan_to_num(x).min()) if x.numel() else 0:.3g} up"
