"""Whether the list is long enough, and the result steady enough, for what the number claims."""

import torch

from meddef_core.auditing.bench import Bench
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, failed, passed
from meddef_core.evaluation.metrics import mcnemar, wilson
from meddef_core.text import Text

LEVEL = 0.05


def enough_images(bench: Bench) -> CheckOutcome:
    """Wilson interval of robust accuracy against guessing among the classes."""
    held, n = int(bench.robust.sum()), len(bench)
    low, high = wilson(held, n)
    chance = 1 / bench.subject.classes
    figures = {"robust": held / n, "low": low, "high": high, "n": n, "chance": chance}
    words = f"{held} of {n} images are robust to every attack: {held / n:.0%}, 95% interval {low:.0%} to {high:.0%}"
    if low < chance < held / n:
        words = f"{words}, which includes guessing ({chance:.0%}); use more images."
        return failed("amber", words, **figures)
    return passed(f"{words}.", **figures)


def better_than_twin(bench: Bench) -> CheckOutcome:
    """Exact McNemar test between the model and its twin, image by image, under the same PGD."""
    twin = bench.subject.twin
    assert twin is not None
    with torch.no_grad():
        read = torch.cat([twin(chunk).argmax(dim=1) for chunk in bench.x.split(32)]) == bench.y
    run = bench.run(twin, bench.spec("pgd", stop_when_fooled=True), index=bench.where(read))
    theirs = torch.zeros_like(bench.right)
    theirs[run.index[~run.fooled]] = True
    ours = torch.zeros_like(bench.right)
    ours[bench.survivors] = True
    only_ours, only_theirs = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    p = mcnemar(only_ours, only_theirs)
    words = (
        f"Under the same PGD, {only_ours} images are robust on the model only and {only_theirs} on the "
        f"undefended counterpart only (McNemar p = {p:.2g})"
    )
    figures = {"model_only": only_ours, "twin_only": only_theirs, "p": p}
    if only_ours > only_theirs and p >= LEVEL:
        return failed("amber", f"{words}: no significant difference; use more images.", **figures)
    return passed(f"{words}.", **figures)


def seeds_agree(bench: Bench) -> CheckOutcome:
    """Images broken by PGD from three random starts, each on its own."""
    broken = [int(run.fooled.sum()) for run in (bench.base, bench.reseeded(1), bench.reseeded(2))]
    apart = max(broken) - min(broken)
    words = f"From three random starts PGD breaks {broken[0]}, {broken[1]} and {broken[2]} images"
    if apart > bench.tolerance:
        return failed("amber", f"{words}: a single start gives no stable number.", apart=apart)
    return passed(f"{words}.", apart=apart)


ORDER = 100
CHECKS = (
    Check(
        group="statistics",
        name="seeds_agree",
        title=Text("audit.seeds-agree", "Seeds agree"),
        severity="amber",
        run=seeds_agree,
        raised_if="Raised if PGD from three random starts breaks different numbers of images.",
    ),
    Check(
        group="statistics",
        name="better_than_twin",
        title=Text("audit.difference-from", "Difference from the undefended counterpart is significant"),
        severity="amber",
        run=better_than_twin,
        needs=("twin",),
        raised_if="Raised if the model is robust on more images than its counterpart, but not on significantly more.",
    ),
    Check(
        group="statistics",
        name="enough_images",
        title=Text("audit.enough-images", "Enough images for the claim"),
        severity="amber",
        run=enough_images,
        raised_if="Raised if robust accuracy is above guessing, but its interval reaches down to it.",
    ),
)
