"""Whether white-box attacks behave as on a model without tricks: more effort, more success, down to nothing."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from meddef_core.auditing.bench import AttackRun, Bench, margin
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, failed, overstated, passed
from meddef_core.text import Text

WHOLE = 0.5
"""Epsilon at which every image can become the same grey, so that no model can be right on more than one class."""

FINE_STEPS = 30
"""Steps above the audit's epsilon, at least."""

FINE_SHARE = 0.05
"""Size of each, as a share of that epsilon."""

SIZES = (0.08, 0.25, 0.8)
"""Step sizes to compare, as shares of epsilon."""


def stronger_than_fgsm(bench: Bench) -> CheckOutcome:
    """Images broken by PGD and by one step of FGSM."""
    pgd, fgsm = _broken(bench.base), _broken(bench.count(bench.attack("fgsm")))
    words = f"PGD breaks {pgd} images and a single step of FGSM {fgsm}"
    if fgsm > pgd + bench.tolerance:
        severity = bench.severity(fgsm - pgd)
        misled = f"{words}: a stronger search finds less, so its gradients are misleading."
        return overstated(severity, misled, pgd=pgd, fgsm=fgsm)
    return passed(f"{words}.", pgd=pgd, fgsm=fgsm)


def falls_with_epsilon(bench: Bench) -> CheckOutcome:
    """Images that are robust to PGD at half, once and twice epsilon, and at 0.5, in steps that fit each."""
    eps = bench.subject.eps
    ladder = sorted({eps / 2, eps, min(2 * eps, 1.0), max(WHOLE, eps)})
    left: list[int] = []
    for step in ladder:
        left.append(_left_at(bench, step, before=left[-1] if left else None))
    figures = {f"left_at_{step:.4g}": float(held) for held, step in zip(left, ladder, strict=True)}
    words = f"Of {len(bench.base.index)} images, {_listed(left)} are robust at epsilons of {_listed(ladder)}"
    rise = max(after - before for before, after in itertools.pairwise(left))
    if rise > bench.tolerance:
        # Where nothing is left at epsilon itself, robust accuracy there is 0% and not too high.
        severity = bench.severity(rise) if len(bench.hardest) else "amber"
        words = f"{words}: a larger epsilon finds less, so the attack misses adversarial examples."
        return failed(severity, words, **figures)
    if left[-1] == len(bench.base.index):
        return failed("red", f"{words}: the attack fails at every epsilon.", **figures)
    return passed(f"{words}.", **figures)


def _left_at(bench: Bench, eps: float, *, before: int | None) -> int:
    """Images robust to PGD at `eps`; where more are left than `before`, at a smaller epsilon, in finer steps too."""
    run = bench.base if eps == bench.subject.eps else _at(bench, eps)
    left = run.index[~run.fooled]
    if before is not None and len(left) > before and eps > bench.subject.eps:
        left = _left_finely(bench, left, eps=eps)
    return len(left)


def reaches_zero(bench: Bench) -> CheckOutcome:
    """Images robust at epsilon, which are robust at 0.5 too: to PGD, PGD on the margin, and BIM from the image itself.

    An image broken at epsilon is broken at 0.5: its adversarial image lies in the larger ball as well.
    """
    eps = max(WHOLE, bench.subject.eps)
    index = bench.hardest
    if len(index):
        run = bench.attack("pgd", eps=eps, index=index, stop_when_fooled=True)
        index = _left_finely(bench, run.index[~run.fooled], eps=eps)
    left, tried = len(index), len(bench.base.index)
    words = f"At an epsilon of {eps:.2g}, where all images can be made the same grey, {left} of {tried} are robust"
    if left > bench.tolerance:
        words = f"{words}: the attack cannot follow the effect of its own changes."
        return failed(bench.severity(left), words, left=left)
    return passed(f"{words}.", left=left)


def _left_finely(bench: Bench, index: Tensor, *, eps: float) -> Tensor:
    """Positions of the images robust also to PGD and BIM on the margin in small steps.

    Far from the images even an honest network is rough, and BIM, which starts from the image, passes what lies near.
    """
    for name in ("pgd", "bim"):
        run = bench.attack(
            name,
            index=index,
            eps=eps,
            steps=max(FINE_STEPS, 2 * bench.plan.steps),
            rel_step=FINE_SHARE,
            loss="margin",
            stop_when_fooled=True,
        )
        index = run.index[~run.fooled]
    return index


def several_classes(bench: Bench) -> CheckOutcome:
    """Classes among the readings of clean images, and of the images that PGD broke."""
    clean = len(bench.logits.argmax(dim=1).unique())
    named = bench.base.logits.argmax(dim=1)
    attacked = len(named.unique())
    figures = {"clean": clean, "attacked": attacked}
    if clean == 1:
        return failed("red", "The model names the same class for every clean image: it reads nothing.", **figures)
    if attacked == 1 and len(bench.y[bench.base.index].unique()) > 1:
        return failed("amber", "Under attack, the model names the same class for every image.", **figures)
    return passed(f"The model predicts {clean} classes on clean images and {attacked} under attack.", **figures)


def more_steps(bench: Bench) -> CheckOutcome:
    """Images that PGD breaks with twice the steps only."""
    steps = bench.plan.steps
    return _more(bench, bench.again(steps=2 * steps), f"PGD with {2 * steps} steps instead of {steps}")


def more_restarts(bench: Bench) -> CheckOutcome:
    """Images that PGD breaks from two other starts only."""
    fooled = torch.zeros(len(bench), dtype=torch.bool)
    for draw in (1, 2):
        run = bench.reseeded(draw)
        fooled[run.index[run.fooled]] = True
    extra = int(fooled[bench.survivors].sum())
    return _verdict_on_extra(bench, extra, "PGD from two other random starts")


def other_loss(bench: Bench) -> CheckOutcome:
    """Images that PGD breaks on the margin of the logits only."""
    return _more(bench, bench.again(loss="margin"), "PGD on the margin instead of cross-entropy")


def step_sizes(bench: Bench) -> CheckOutcome:
    """Images that PGD breaks with a smaller or larger step only; its own step is 2.5 / steps of epsilon."""
    fooled = torch.zeros(len(bench), dtype=torch.bool)
    for size in SIZES:
        run = bench.again(rel_step=size)
        fooled[run.index[run.fooled]] = True
    return _verdict_on_extra(bench, int(fooled.sum()), f"PGD with steps of {_listed(SIZES)} of epsilon")


def last_iterate(bench: Bench) -> CheckOutcome:
    """Images that some iterate of PGD fooled and its last did not."""
    path = bench.base.path
    lost = int((path.any(dim=0) & ~path[-1]).sum()) if len(path) else 0
    words = f"On {lost} of {len(bench.base.index)} images an iterate of PGD fools the model and the last one does not"
    if lost > max(bench.tolerance, len(bench) // 20):
        return failed("amber", f"{words}: the search oscillates; only the best iterate counts.", lost=lost)
    return passed(f"{words}.", lost=lost)


def beats_noise(bench: Bench) -> CheckOutcome:
    """Mean rise of the margin, and images broken: PGD against random noise of the same size."""
    noise = bench.count(bench.attack("noise", restarts=2))
    index = bench.base.index
    if len(index) == 0:
        return failed("amber", "No image is read rightly, so no attack was compared with noise.", pgd=0.0, noise=0.0)
    clean = margin(bench.logits[index], bench.y[index])
    rises = [float((margin(run.logits, bench.y[index]) - clean).mean()) for run in (bench.base, noise)]
    broken = [_broken(run) for run in (bench.base, noise)]
    figures = {"pgd_rise": rises[0], "noise_rise": rises[1], "pgd_broken": broken[0], "noise_broken": broken[1]}
    words = (
        f"PGD raises the margin by {rises[0]:.3g} and breaks {broken[0]} images, random noise of the same size "
        f"{rises[1]:.3g} and {broken[1]}"
    )
    if rises[0] <= rises[1] or broken[1] > broken[0] + bench.tolerance:
        return overstated("red", f"{words}: the gradient is no better than random noise.", **figures)
    return passed(f"{words}.", **figures)


def _at(bench: Bench, eps: float) -> AttackRun:
    return bench.attack("pgd", eps=eps, stop_when_fooled=True)


def _broken(run: AttackRun) -> int:
    return int(run.fooled.sum())


def _more(bench: Bench, run: AttackRun, what: str) -> CheckOutcome:
    return _verdict_on_extra(bench, _broken(run), what)


def _verdict_on_extra(bench: Bench, extra: int, what: str) -> CheckOutcome:
    """Amber at most: the attack was too weak, which says nothing against the model."""
    words = f"{what} breaks {extra} more of {len(bench)} images"
    if extra > bench.tolerance:
        return failed("amber", f"{words}: the attack had missed adversarial examples.", extra=extra, n=len(bench))
    return passed(f"{words}.", extra=extra, n=len(bench))


def _listed(numbers: Sequence[float]) -> str:
    texts = [f"{number:.3g}" for number in numbers]
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


ORDER = 70
CHECKS = (
    Check(
        group="sanity",
        name="stronger_than_fgsm",
        title=Text("audit.pgd-least", "PGD at least as strong as FGSM"),
        severity="red",
        run=stronger_than_fgsm,
        raised_if="Raised if one step of FGSM breaks more images than PGD.",
    ),
    Check(
        group="sanity",
        name="falls_with_epsilon",
        title=Text("audit.accuracy-falls", "Accuracy falls with epsilon"),
        severity="red",
        run=falls_with_epsilon,
        raised_if="Raised if more images are robust at a larger epsilon, or as many at 0.5 as without an attack.",
    ),
    Check(
        group="sanity",
        name="reaches_zero",
        title=Text("audit.nothing-robust", "Nothing is robust at epsilon 0.5"),
        severity="red",
        run=reaches_zero,
        raised_if="Raised if images are robust at an epsilon that can make all of them the same.",
    ),
    Check(
        group="sanity",
        name="several_classes",
        title=Text("audit.not-one", "Not one class only"),
        severity="red",
        run=several_classes,
        raised_if="Raised if the model predicts a single class for every image, clean or attacked.",
    ),
    Check(
        group="sanity",
        name="beats_noise",
        title=Text("audit.gradient-stronger", "Gradient stronger than noise"),
        severity="red",
        run=beats_noise,
        raised_if="Raised if random noise is as effective as PGD of the same size.",
    ),
    Check(
        group="sanity",
        name="more_steps",
        title=Text("audit.twice-steps", "Twice the steps find no more"),
        severity="amber",
        run=more_steps,
        raised_if="Raised if doubling PGD's steps breaks more images: over half a point of them, and over one.",
    ),
    Check(
        group="sanity",
        name="more_restarts",
        title=Text("audit.more-restarts", "More restarts find no more"),
        severity="amber",
        run=more_restarts,
        raised_if="Raised if two more random starts break more images: over half a point of them, and over one.",
    ),
    Check(
        group="sanity",
        name="other_loss",
        title=Text("audit.another-loss", "Another loss finds no more"),
        severity="amber",
        run=other_loss,
        raised_if="Raised if PGD on the margin breaks images that cross-entropy does not.",
    ),
    Check(
        group="sanity",
        name="step_sizes",
        title=Text("audit.step-sizes", "Step sizes agree"),
        severity="amber",
        run=step_sizes,
        raised_if="Raised if other step sizes break more images.",
    ),
    Check(
        group="sanity",
        name="last_iterate",
        title=Text("audit.last-iterate", "Last iterate no worse than others"),
        severity="amber",
        run=last_iterate,
        raised_if="Raised if only an earlier iterate fooled the model, on over a twentieth of the images.",
    ),
)
