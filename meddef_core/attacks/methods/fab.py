"""FAB: walks along the nearest decision boundary and keeps the adversarial image that lies nearest to the scan."""

from typing import NamedTuple

import torch
from torch import Tensor

from meddef_core.attacks.draws import draw_uniform
from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search, input_gradient
from meddef_core.text import Text

MOST_BIAS = 0.1
"""alpha_max: how far a step is drawn towards the scan's own projection (section 3.2)."""
OVERSHOOT = 1.05
"""eta: a step goes this much beyond the linearised boundary (section 3.1)."""
PULL_BACK = 0.9
"""beta: an adversarial image moves back to this share of its way from the scan (section 3.3)."""
FINAL_HALVINGS = 3
"""Steps of the binary search between the scan and the nearest image found (section 3.4)."""


class _Best(NamedTuple):
    """The nearest image found so far for each of the `B` scans, inside the budget or not."""

    images: Tensor
    distance: Tensor
    """`(B,)` L-infinity, infinite where none was found."""


def fab(search: Search) -> None:
    """Minimally distorted adversarial images (Croce and Hein 2020, algorithm 1), towards one class at a time.

    As in AutoAttack, each run heads for one other class, the likeliest first, so that a step costs one gradient
    whatever the number of classes; reaching any class counts. The spec's target leaves that class alone. The first
    restart begins at the scan, later ones at random nearby. The budget only decides what counts as a success.
    """
    problem = search.problem
    spec = problem.spec
    others = problem.clean_logits.scatter(1, problem.y[:, None], -torch.inf)
    classes = others.argsort(dim=1, descending=True, stable=True)[:, :-1]
    if spec.target is not None:
        classes = torch.full_like(classes[:, :1], spec.target)
    best = _Best(problem.x.clone(), torch.full_like(problem.x[:, 0, 0, 0], torch.inf))
    runs = spec.restarts * classes.shape[1]
    for run in range(runs):
        restart, rank = divmod(run, classes.shape[1])
        if not _walk(search, best, goal=classes[:, rank], restart=restart, run=run, runs=runs):
            break
    if not search.cancelled:
        _halve(search, best)


def nearest_on_plane(points: Tensor, *, normal: Tensor, gap: Tensor) -> Tensor:
    """The smallest L-infinity changes `(n, D)` that bring `points` onto a hyperplane inside the box [0, 1].

    A point p lands on the plane where `normal` . change = `gap` (`(n, D)` and `(n,)`). With |change| at most r, the
    most that the box allows is G(r) = sum |normal_i| min(r, room_i), room_i being the way from p_i to the wall ahead.
    G is concave, increasing and piecewise linear, so Newton's method from r = gap / |normal|_1, which lies left of the
    solution, never passes it and ends on it after finitely many steps: no sorting. Where the plane does not meet the
    box, the change leads to the corner that comes nearest.
    """
    direction = torch.where(gap[:, None] < 0, -normal, normal).sign()
    weight, wanted = normal.abs(), gap.abs()
    room = torch.where(direction > 0, 1 - points, points)
    radius = wanted / weight.sum(dim=1).clamp(min=torch.finfo(points.dtype).tiny)
    for _ in range(points.shape[1]):
        reached = (weight * torch.minimum(radius[:, None], room)).sum(dim=1)
        slope = (weight * (room > radius[:, None])).sum(dim=1)
        # Newton's steps from the left only grow; one that does not is rounding, or the plane lies outside the box.
        further = torch.where(slope > 0, radius + (wanted - reached) / slope, radius)
        if not bool((further > radius * (1 + 1e-6)).any()):
            break
        radius = torch.maximum(radius, further)
    return direction * torch.minimum(radius[:, None], room)


def _walk(search: Search, best: _Best, *, goal: Tensor, restart: int, run: int, runs: int) -> bool:
    """`steps` steps of one run towards the classes `goal` `(B,)`; False when the attack must not go on."""
    spec = search.problem.spec
    index = search.open()
    if len(index) == 0:
        return False
    images = _start(search, best, index, restart=restart)
    for step in range(1, spec.steps + 1):
        if spec.stop_when_fooled:
            staying = ~search.fooled[index]
            index, images = index[staying], images[staying]
            if len(index) == 0:
                return False
        images = _step(search, images, index, goal=goal[index])
        logits = search.query(images)
        search.offer(images, logits=logits, index=index)
        images = _pull_back(search, best, images, logits, index)
        if not search.report(run * spec.steps + step, total=runs * spec.steps):
            return False
    return True


def _start(search: Search, best: _Best, index: Tensor, *, restart: int) -> Tensor:
    """The scans, or from the second restart on random images around them, at most half as far as the best."""
    problem = search.problem
    clean = problem.x[index]
    if restart == 0:
        return clean
    noise = draw_uniform(clean, seed=problem.spec.seed, draw=restart)
    radius = best.distance[index].clamp(max=problem.spec.eps) / 2
    return (clean + _wide(radius) * noise).clamp(0, 1)


def _step(search: Search, images: Tensor, index: Tensor, *, goal: Tensor) -> Tensor:
    """Beyond the linearised boundary, from between the image's projection on it and the scan's (equation 9)."""
    problem = search.problem
    images = images.detach().requires_grad_()
    logits = search.query(images)
    lead = logits.gather(1, goal[:, None]).squeeze(1) - logits.gather(1, problem.y[index][:, None]).squeeze(1)
    if problem.spec.target is not None:
        rest = logits.scatter(1, goal[:, None], -torch.inf).amax(dim=1)
        lead = logits.gather(1, goal[:, None]).squeeze(1) - rest
    normal = input_gradient(lead, images).flatten(1)
    here, clean = images.detach().flatten(1), problem.x[index].flatten(1)
    gap = -lead.detach()
    from_here = nearest_on_plane(here, normal=normal, gap=gap)
    from_clean = nearest_on_plane(clean, normal=normal, gap=gap + (normal * (here - clean)).sum(dim=1))
    far, near = (change.abs().amax(dim=1).clamp(min=1e-8) for change in (from_here, from_clean))
    bias = (far / (far + near)).clamp(max=MOST_BIAS)[:, None]
    moved = (1 - bias) * (here + OVERSHOOT * from_here) + bias * (clean + OVERSHOOT * from_clean)
    return moved.clamp(0, 1).view_as(images)


def _pull_back(search: Search, best: _Best, images: Tensor, logits: Tensor, index: Tensor) -> Tensor:
    """Remember adversarial images that are nearer than any before, and move all of them towards their scan."""
    clean = search.problem.x[index]
    fooling = search.problem.fooled(logits, index)
    distance = (images - clean).abs().flatten(1).amax(dim=1)
    nearer = fooling & (distance < best.distance[index])
    best.images[index[nearer]], best.distance[index[nearer]] = images[nearer], distance[nearer]
    return torch.where(_wide(fooling), clean + PULL_BACK * (images - clean), images)


def _halve(search: Search, best: _Best) -> None:
    """A short binary search from the nearest image found towards its scan."""
    index = search.open()
    index = index[torch.isfinite(best.distance[index])]
    if len(index) == 0:
        return
    clean, outer = search.problem.x[index], best.images[index]
    inner = clean
    for _ in range(FINAL_HALVINGS):
        middle = (inner + outer) / 2
        logits = search.query(middle)
        search.offer(middle, logits=logits, index=index)
        fooling = _wide(search.problem.fooled(logits, index))
        outer, inner = torch.where(fooling, middle, outer), torch.where(fooling, inner, middle)


def _wide(each: Tensor) -> Tensor:
    """`(n,)` as `(n, 1, 1, 1)`, to meet images."""
    return each.view(-1, 1, 1, 1)


ATTACKS = (
    AttackInfo(
        name="fab",
        title=Text("attack.fab", "FAB"),
        one_line=Text(
            "attack.walks-along",
            "Walks along the model's decision boundary and looks for the point of it nearest to the scan.",
        ),
        citation="Croce and Hein 2020, Minimally distorted adversarial examples with a fast adaptive boundary attack, "
        "arXiv:1907.02044 (algorithm 1)",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "restarts", "target", "seed", "stop_when_fooled"}),
        run=fab,
        loss="margin",
        seeks="smallest",
        defaults={"steps": 100},
    ),
)
