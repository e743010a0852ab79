"""One scan against growing budgets, the smallest budget that suffices, and pictures carried from model to model."""

import math
from collections.abc import Callable, Sequence

from dashboard.services.attacks import OnProgress
from dashboard.services.models import loaded
from dashboard.services.reading import reading_of
from dashboard.services.results.common import LabResult, Reading
from dashboard.services.results.sweeps import BudgetCurve, BudgetPoint, Shown, Smallest
from meddef_core.attacks import AttackSpec, AttackStep, default_spec, run_attack
from meddef_core.attacks.smallest import smallest_flip
from meddef_core.errors import AttackError
from meddef_core.io.arrays import as_images, as_labels, as_picture
from meddef_core.text import Text

BUDGETS = tuple(k / 255 for k in (1, 2, 3, 4, 6, 8, 12, 16))
"""What a sweep tries after epsilon 0."""

HIGHEST = BUDGETS[-1]
TOLERANCE = 0.1 / 255
"""Width of the bracket at which the search for the smallest budget ends."""

MOST_STEPS = 50
USUAL_STEPS = 10
ATTACK = "pgd"
LOSS = "margin"
"""Its gradient does not vanish where a model is sure of itself, as small budgets find it."""

LEAST = 1e-12
"""Probabilities below this count as this much, so that margins stay finite."""


def checked_steps(steps: int) -> int:
    """Steps as asked for; AttackError where no form would ask so."""
    if not 1 <= steps <= MOST_STEPS:
        raise AttackError(
            Text(
                "sweeps.sweep-takes",
                "A sweep takes 1 to {most} steps an attack, not {steps}; change them.",
                most=MOST_STEPS,
                steps=steps,
            )
        )
    return steps


def sweep(clean: Reading, on_progress: OnProgress, *, steps: int, seed: int = 0) -> BudgetCurve:
    """PGD away from the clean output within each of `BUDGETS`, and noise of that size. Call inside `turn`.

    A picture found within a small budget lies within every larger one too, and stays the answer there if it is
    stronger: the margin never rises. `on_progress` runs after each step.
    """
    total = len(BUDGETS) * checked_steps(steps)
    points = [BudgetPoint(0.0, clean, clean, margin(clean, clean.label))]
    for number, eps in enumerate(BUDGETS):

        def on_step(step: AttackStep, done: int = number * steps) -> None:
            on_progress(clean.model.title, done + step.step, total)

        found = _strongest(clean, default_spec(ATTACK, eps=eps, steps=steps, seed=seed, loss=LOSS), on_step)
        best = min(points[-1].attacked, found, key=lambda reading: margin(reading, clean.label))
        noise = _strongest(clean, default_spec("noise", eps=eps, seed=seed))
        points.append(BudgetPoint(eps, best, noise, margin(best, clean.label)))
    return BudgetCurve(clean, tuple(points))


def margin(reading: Reading, label: str) -> float:
    """log(p of `label` / p of the best other class)."""
    shares = dict(zip(reading.classes, reading.shares, strict=True))
    own = shares.pop(label)
    return math.log(max(own, LEAST) / max(*shares.values(), LEAST))


def smallest(clean: Reading, on_progress: OnProgress, *, steps: int, seed: int = 0) -> Smallest:
    """Bisect up to `HIGHEST` for the smallest budget at which PGD changes the output. Call inside `turn`."""
    attacks, most = 0, 2 + math.ceil(math.log2(HIGHEST / TOLERANCE))
    spec = default_spec(ATTACK, eps=HIGHEST, steps=checked_steps(steps), seed=seed, loss=LOSS)

    def on_step(step: AttackStep) -> None:
        nonlocal attacks
        attacks += step.step == 1
        on_progress(clean.model.title, min(attacks * steps - steps + step.step, most * steps), most * steps)

    found = smallest_flip(
        loaded(clean.model.id).network,
        as_images(clean.picture),
        as_labels(clean.classes.index(clean.label)),
        spec,
        low=0.0,
        high=HIGHEST,
        tolerance=TOLERANCE,
        on_step=on_step,
    )
    size = HIGHEST if found is None else found.eps
    noise = _strongest(clean, default_spec("noise", eps=size, seed=seed))
    if found is None:
        return Smallest(clean, HIGHEST, None, HIGHEST, attacks, None, noise)
    attacked = reading_of(clean.model, as_picture(found.adversarial), like=clean)
    return Smallest(clean, HIGHEST, found.eps, found.withstood, len(found.trials), attacked, noise)


def can_be_shown_around(result: LabResult) -> bool:
    """Whether every model of the comparison is given the same image of the scan."""
    first, *others = (loaded(outcome.clean.model.id) for outcome in result.outcomes)
    return all(first.prepares_like(other) for other in others)


def shown_around(result: LabResult) -> tuple[Shown, ...]:
    """Every model's adversarial picture read by every model of the comparison. Call inside `turn`."""
    return tuple(
        _shown(outcome.clean, outcome.attacked.reading, [o.clean for o in result.outcomes])
        for outcome in result.outcomes
    )


def _shown(made_on: Reading, attacked: Reading, targets: Sequence[Reading]) -> Shown:
    readings = tuple(
        attacked if target.model.id == made_on.model.id else reading_of(target.model, attacked.picture, like=target)
        for target in targets
    )
    changed = tuple(after.label != before.label for after, before in zip(readings, targets, strict=True))
    return Shown(made_on.model, attacked.picture, readings, changed)


def _strongest(clean: Reading, spec: AttackSpec, on_step: Callable[[AttackStep], None] | None = None) -> Reading:
    result = run_attack(
        loaded(clean.model.id).network,
        as_images(clean.picture),
        as_labels(clean.classes.index(clean.label)),
        spec,
        on_step=on_step,
    )
    return reading_of(clean.model, as_picture(result.adversarial), like=clean)
