"""Auto-PGD: sign steps with momentum in an L-infinity ball, whose size each image halves when its own climb stalls."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from meddef_core.attacks.balls import project_linf
from meddef_core.attacks.draws import draw_uniform
from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search, input_gradient
from meddef_core.attacks.spec import Loss
from meddef_core.text import Text

ALPHA = 0.75
"""Share of the new step; the rest repeats the last one (section 3.2)."""
RHO = 0.75
"""Fewer rising steps than this share since the last checkpoint halve the step (section 3.2, condition 1)."""

Height = Callable[[Tensor, Tensor], Tensor]
"""What a run climbs: `(n,)` from logits `(n, K)` and the images' positions `(n,)` in the batch."""


def apgd_ce(search: Search) -> None:
    """Climbs the cross-entropy (Croce and Hein 2020, algorithm 1)."""
    _climb_all(search, [search.problem.loss])


def apgd_margin(search: Search) -> None:
    """Climbs the margin: the best other class's logit minus the label's, which stays steep where softmax is flat.

    The paper's DLR loss divides this by a gap between logits that takes three classes.
    """
    _climb_all(search, [search.problem.loss])


def apgd_targeted(search: Search) -> None:
    """One run towards each other class in turn, the likeliest first (Croce and Hein 2020, section 4, APGD-T).

    Each run climbs that class's logit minus the label's; reaching any class counts. Where the spec has a target,
    that is the only class to reach, and the attack is `apgd_margin`.
    """
    problem = search.problem
    others = problem.clean_logits.scatter(1, problem.y[:, None], -torch.inf)
    order = others.argsort(dim=1, descending=True, stable=True)[:, :-1]

    def lead(logits: Tensor, index: Tensor, *, rank: int) -> Tensor:
        pair = torch.stack([order[index, rank], problem.y[index]], dim=1)
        there, here = logits.gather(1, pair).unbind(dim=1)
        return there - here

    heights: list[Height] = [partial(lead, rank=rank) for rank in range(order.shape[1])]
    _climb_all(search, heights if search.problem.spec.target is None else [search.problem.loss])


def checkpoints(steps: int) -> tuple[int, ...]:
    """Steps after which the step size is looked at, all below `steps` (Croce and Hein 2020, section 3.3).

    They are ceil(p_j * steps) with p_0 = 0, p_1 = 0.22 and p_(j+1) = p_j + max(p_j - p_(j-1) - 0.03, 0.06); in whole
    hundredths here, so that no rounding moves one.
    """
    found: list[int] = []
    before, percent = 0, 22
    while (step := -(-percent * steps // 100)) < steps:
        if step not in found:  # with few steps two of them fall together
            found.append(step)
        before, percent = percent, percent + max(percent - before - 3, 6)
    return tuple(found)


def _climb_all(search: Search, heights: list[Height]) -> None:
    """Each of `heights` from a random start of its own, `restarts` times over."""
    restarts = search.problem.spec.restarts
    for run in range(restarts * len(heights)):
        if not _climb(search, heights[run % len(heights)], run=run, runs=restarts * len(heights)):
            return


class _Climb(NamedTuple):
    """Where one run stands with each of the `n` images still in it."""

    positions: Tensor
    """`(n,)`, in the batch."""
    images: Tensor
    before: Tensor
    """The iterate before `images`."""
    gradient: Tensor
    """Of the height, at `images`."""
    height: Tensor
    best: Tensor
    """The highest iterate of this run, whether it fools or not."""
    best_gradient: Tensor
    best_height: Tensor
    size: Tensor
    """`(n,)` step sizes in pixel units."""
    rises: Tensor
    """`(n,)` steps since the last checkpoint that went up."""
    halved: Tensor
    """`(n,)` bool: whether the last checkpoint halved the step."""
    checked_height: Tensor
    """`best_height` at the last checkpoint."""

    def only(self, staying: Tensor) -> "_Climb":
        """The images where `staying` `(n,)` is true."""
        return self if bool(staying.all()) else _Climb(*(state[staying] for state in self))


def _climb(search: Search, height: Height, *, run: int, runs: int) -> bool:
    """One run of algorithm 1, the `run`-th of `runs`: `steps` + 1 forward passes, `steps` gradients.

    False when the attack must not go on.
    """
    spec = search.problem.spec
    index = search.open()
    if len(index) == 0:
        return False
    climb = _start(search, height, index, draw=run)
    looks, since = checkpoints(spec.steps), 0
    for step in range(1, spec.steps + 1):
        if spec.stop_when_fooled:
            climb = climb.only(~search.fooled[climb.positions])
        if len(climb.positions) == 0:
            return False
        climb = _step(search, climb, height, share=ALPHA if step > 1 else 1.0, last=step == spec.steps)
        if step in looks:
            climb, since = _look(climb, steps=step - since), step
        if not search.report(run * spec.steps + step, total=runs * spec.steps):
            return False
    return True


def _start(search: Search, height: Height, index: Tensor, *, draw: int) -> _Climb:
    """A uniformly random image of each ball; the step starts at twice epsilon."""
    problem, spec = search.problem, search.problem.spec
    clean = problem.x[index]
    noise = draw_uniform(clean, seed=spec.seed, draw=draw)
    images = project_linf(clean + spec.eps * noise, around=clean, eps=spec.eps)
    reached, gradient = _visit(search, images, index, height, last=False)
    return _Climb(
        positions=index,
        images=images,
        before=images,
        gradient=gradient,
        height=reached,
        best=images,
        best_gradient=gradient,
        best_height=reached,
        size=torch.full_like(reached, 2 * spec.eps),
        rises=torch.zeros_like(index),
        halved=torch.zeros_like(index, dtype=torch.bool),
        checked_height=reached,
    )


def _step(search: Search, climb: _Climb, height: Height, *, share: float, last: bool) -> _Climb:
    """Move each image by `share` of a projected sign step and the rest of its last step; keep the highest."""
    eps, clean = search.problem.spec.eps, search.problem.x[climb.positions]
    images = climb.images
    ahead = project_linf(images + _wide(climb.size) * climb.gradient.sign(), around=clean, eps=eps)
    moved = images + share * (ahead - images) + (1 - share) * (images - climb.before)
    moved = project_linf(moved, around=clean, eps=eps)
    reached, gradient = _visit(search, moved, climb.positions, height, last=last)
    higher = reached > climb.best_height
    return climb._replace(
        images=moved,
        before=images,
        gradient=gradient,
        height=reached,
        best=torch.where(_wide(higher), moved, climb.best),
        best_gradient=torch.where(_wide(higher), gradient, climb.best_gradient),
        best_height=torch.where(higher, reached, climb.best_height),
        rises=climb.rises + (reached > climb.height),
    )


def _look(climb: _Climb, *, steps: int) -> _Climb:
    """Halve the step, and go back to the best image, where the last `steps` steps did too little.

    Condition 1: fewer than RHO of them went up. Condition 2: none found a new best, with a step that the last
    checkpoint did not halve.
    """
    stuck = ~climb.halved & (climb.best_height == climb.checked_height)
    halve = (climb.rises < RHO * steps) | stuck
    return climb._replace(
        images=torch.where(_wide(halve), climb.best, climb.images),
        gradient=torch.where(_wide(halve), climb.best_gradient, climb.gradient),
        height=torch.where(halve, climb.best_height, climb.height),
        size=torch.where(halve, climb.size / 2, climb.size),
        rises=torch.zeros_like(climb.rises),
        halved=halve,
        checked_height=climb.best_height,
    )


def _visit(search: Search, images: Tensor, index: Tensor, height: Height, *, last: bool) -> tuple[Tensor, Tensor]:
    """Height `(n,)` and its gradient at `images`, which compete to be the result.

    The gradient is zero, and costs nothing, where no step follows.
    """
    images = images.detach().requires_grad_(not last)
    logits = search.query(images)
    search.offer(images, logits=logits, index=index)
    reached = height(logits, index)
    if last or (search.problem.spec.stop_when_fooled and bool(search.fooled[index].all())):
        return reached.detach(), torch.zeros_like(images)
    return reached.detach(), input_gradient(reached, images)


def _wide(each: Tensor) -> Tensor:
    """`(n,)` as `(n, 1, 1, 1)`, to meet images."""
    return each.view(-1, 1, 1, 1)


def _info(name: str, title: str, one_line: str, run: Callable[[Search], None], *, loss: Loss) -> AttackInfo:
    return AttackInfo(
        name=name,
        title=title,
        one_line=one_line,
        citation="Croce and Hein 2020, Reliable evaluation of adversarial robustness with an ensemble of diverse "
        "parameter-free attacks, arXiv:2003.01690 (sections 3 and 4)",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "restarts", "target", "seed", "stop_when_fooled"}),
        run=run,
        loss=loss,
        defaults={"steps": 100},
    )


ATTACKS = (
    _info(
        "apgd_ce",
        Text("attack.apgd-cross", "APGD (cross-entropy)"),
        Text(
            "attack.pgd-carries", "PGD that carries its momentum on and halves its step by itself wherever it stalls."
        ),
        apgd_ce,
        loss="ce",
    ),
    _info(
        "apgd_margin",
        Text("attack.apgd-margin", "APGD (margin)"),
        Text("attack.apgd-gap", "APGD on the gap between the two best classes, where the usual loss would be flat."),
        apgd_margin,
        loss="margin",
    ),
    _info(
        "apgd_targeted",
        Text("attack.apgd-each", "APGD (each class)"),
        Text(
            "attack.apgd-towards",
            "APGD towards every other class in turn, the likeliest first; reaching any of them counts.",
        ),
        apgd_targeted,
        loss="margin",
    ),
)
