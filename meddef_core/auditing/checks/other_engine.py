"""Whether somebody else's attack code finds what ours did not."""

from meddef_core.attacks import run_attack
from meddef_core.auditing.bench import Bench
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, failed, passed
from meddef_core.text import Text

ATTACKS = ("pgd", "apgd_ce")
"""torchattacks' implementations of the plain attack, and of one that chooses its own steps."""


def other_implementation(bench: Bench) -> CheckOutcome:
    """Images that torchattacks breaks, and no white-box run of the attack code under audit did."""
    index, broken = bench.hardest, []
    asked = len(index)
    for name in ATTACKS:
        spec = bench.spec(name, engine="torchattacks", stop_when_fooled=True)
        run = bench.count(bench.run(bench.fast, spec, index=index, harness=run_attack))
        broken.append(int(run.fooled.sum()))
        index = run.index[~run.fooled]
    figures = {"pgd": broken[0], "apgd": broken[1], "asked": asked}
    words = f"Torchattacks breaks {sum(broken)} of {asked} images that no white-box attack broke"
    words = f"{words} ({broken[0]} by PGD, {broken[1]} by APGD)"
    if sum(broken) > bench.tolerance:
        # The same attack from other hands must not find much more; APGD may, where PGD's steps do not fit.
        severity = bench.severity(broken[0])
        return failed(severity, f"{words}: the attack under audit misses adversarial examples.", **figures)
    return passed(f"{words}.", **figures)


ORDER = 60
CHECKS = (
    Check(
        group="attack",
        name="other_implementation",
        title=Text("audit.another-implementation", "Another implementation finds no more"),
        severity="red",
        run=other_implementation,
        needs=("copy",),
        raised_if="Raised if torchattacks' PGD or APGD breaks images that the attack under audit does not.",
    ),
)
