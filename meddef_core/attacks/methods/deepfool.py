"""DeepFool: steps to the nearest of the linearised decision boundaries until one is crossed."""

import math

import torch
from torch import Tensor

from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search, input_gradient
from meddef_core.text import Text

OVERSHOOT = 0.02
"""How much further than the boundary the whole change reaches, as a share of it (section 2.1)."""
EXTRA = 1e-4
"""Added to the length of each step, as in the authors' code: near the boundary steps would shrink to rounding."""


def deepfool(search: Search) -> None:
    """Add up steps to the nearest linearised boundary (Moosavi-Dezfooli et al. 2016, algorithm 2).

    One gradient for each other class a step; with a target, one only, of the boundary to that class. An image is done
    once it fools, near enough or not: later lines of the trace show it as it was then.
    """
    x, spec = search.problem.x, search.problem.spec
    index = (~search.fooled).nonzero().squeeze(1)
    change = torch.zeros_like(x[index])
    step, done = _look(search, x[index], index)
    for number in range(1, spec.steps + 1):
        index, change, step = index[~done], change[~done], step[~done]
        if len(index) == 0 and spec.stop_when_fooled:
            return
        change = change + step
        images = (x[index] + (1 + OVERSHOOT) * change).clamp(0, 1)
        step, done = _look(search, images, index, last=number == spec.steps)
        if not search.report(number, total=spec.steps):
            return


def _look(search: Search, images: Tensor, index: Tensor, *, last: bool = False) -> tuple[Tensor, Tensor]:
    """Let images `(n, C, H, W)` compete; the way on to the nearest boundary, and `(n,)` whether they fool.

    There is no way on, but zero, where none is needed or no step follows.
    """
    if len(index) == 0:
        return torch.zeros_like(images), torch.zeros_like(index, dtype=torch.bool)
    images = images.detach().requires_grad_(not last)
    logits = search.query(images)
    search.offer(images.detach(), logits=logits.detach(), index=index)
    fooled = search.problem.fooled(logits, index)
    if last or bool(fooled.all()):
        return torch.zeros_like(images), fooled
    return _to_nearest(images, _leads(search, logits, index)), fooled


def _leads(search: Search, logits: Tensor, index: Tensor) -> Tensor:
    """By how much each class to reach leads the label, `(n, K - 1)`, or the target all others, `(n, 1)`."""
    problem = search.problem
    if problem.spec.target is not None:
        return problem.loss(logits, index, kind="margin")[:, None]
    label = problem.y[index][:, None]
    others = torch.arange(logits.shape[1] - 1, device=logits.device).expand(len(index), -1)
    return logits.gather(1, others + (others >= label)) - logits.gather(1, label)


def _to_nearest(images: Tensor, leads: Tensor) -> Tensor:
    """The step from `images` to where the linearised `leads` `(n, rivals)` first reach zero, `(n, C, H, W)`."""
    # The box's diagonal: nothing is further, whatever a vanishing gradient says.
    nearest = torch.full_like(leads[:, 0], math.sqrt(images[0].numel())).detach()
    step = torch.zeros_like(images)
    rivals = leads.shape[1]
    for rival, lead in enumerate(leads.unbind(dim=1)):
        gradient = input_gradient(lead, images, keep_graph=rival < rivals - 1)
        slope = gradient.flatten(1).norm(dim=1).clamp(min=torch.finfo(images.dtype).tiny)
        distance = lead.detach().abs() / slope
        nearer = distance < nearest
        nearest = torch.where(nearer, distance, nearest)
        length = (distance + EXTRA).clamp(max=math.sqrt(images[0].numel()))
        along = (length / slope).view(-1, 1, 1, 1) * gradient
        step = torch.where(nearer.view(-1, 1, 1, 1), along, step)
    return step


ATTACKS = (
    AttackInfo(
        name="deepfool",
        title=Text("attack.deepfool", "DeepFool"),
        one_line=Text(
            "attack.takes-shortest",
            "Takes the shortest way across the nearest boundary of the model, as if the boundary were straight.",
        ),
        citation="Moosavi-Dezfooli et al. 2016, DeepFool: a simple and accurate method to fool deep neural networks, "
        "arXiv:1511.04599 (algorithm 2)",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "target", "stop_when_fooled"}),
        run=deepfool,
        norm="l2",
        # Only the trace shows it.
        loss="margin",
        seeks="smallest",
        defaults={"eps": 3.0, "steps": 50},
    ),
)
