"""Whether attacks that see less find less: where they find more, gradient attacks miss adversarial examples."""

from meddef_core.auditing.bench import AttackRun, Bench
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, failed, passed
from meddef_core.text import Text


def square(bench: Bench) -> CheckOutcome:
    """Images that Square breaks, which asks for outputs only, and no white-box run did."""
    run = bench.count(bench.attack("square", index=bench.hardest, steps=bench.plan.queries, stop_when_fooled=True))
    return _extra(bench, run, "Square, which asks for outputs only,")


def decision(bench: Bench) -> CheckOutcome:
    """Images that HopSkipJump breaks, which sees the named class only, and no white-box run did."""
    index = bench.some(bench.hardest, bench.plan.decision_images)
    run = bench.count(
        bench.attack(
            "hop_skip_jump",
            index=index,
            steps=bench.plan.decision_steps,
            samples=bench.plan.decision_samples,
            stop_when_fooled=True,
        )
    )
    return _extra(bench, run, "HopSkipJump, which sees no more than the named class,")


def transfer_twin(bench: Bench) -> CheckOutcome:
    """Images made on the undefended twin that fool this model, and no white-box run did."""
    run = bench.count(bench.attack("transfer", index=bench.hardest, source=bench.subject.twin))
    return _extra(bench, run, "The transfer from the undefended counterpart")


def transfer_independent(bench: Bench) -> CheckOutcome:
    """Images made on an independently trained model that fool this one, and no white-box run did."""
    run = bench.count(bench.attack("transfer", index=bench.hardest, source=bench.subject.independent))
    return _extra(bench, run, "Images made on an independent model: the transfer")


def _extra(bench: Bench, run: AttackRun, what: str) -> CheckOutcome:
    extra, asked = int(run.fooled.sum()), len(run.index)
    words = f"{what} breaks {extra} of {asked} images that no white-box attack broke"
    if extra > bench.tolerance:
        severity = bench.severity(extra)
        return failed(severity, f"{words}: gradient attacks miss adversarial examples.", extra=extra, asked=asked)
    return passed(f"{words}.", extra=extra, asked=asked)


ORDER = 80
CHECKS = (
    Check(
        group="sanity",
        name="square",
        title=Text("audit.square-no", "Square no stronger than white box"),
        severity="red",
        run=square,
        raised_if="Raised if Square, which uses no gradient, breaks images that gradient attacks do not.",
    ),
    Check(
        group="sanity",
        name="decision",
        title=Text("audit.decision-based", "Decision-based attack no stronger"),
        severity="red",
        run=decision,
        raised_if="Raised if HopSkipJump, which sees only the class, breaks images that gradient attacks do not.",
    ),
    Check(
        group="sanity",
        name="transfer_twin",
        title=Text("audit.transfer-from", "Transfer from the undefended counterpart no stronger"),
        severity="red",
        run=transfer_twin,
        needs=("twin",),
        raised_if="Raised if images made on the counterpart break what gradient attacks on the model do not.",
    ),
    Check(
        group="sanity",
        name="transfer_independent",
        title=Text("audit.transfer-from-another", "Transfer from another model no stronger"),
        severity="red",
        run=transfer_independent,
        needs=("independent",),
        raised_if="Raised if images made on an independent model break what gradient attacks on the model do not.",
    ),
)
