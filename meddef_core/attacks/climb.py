"""The loop of a projected gradient attack, with the step and the gradient left open."""

from collections.abc import Callable

import torch
from torch import Tensor

from meddef_core.attacks.search import Search, input_gradient

Ascend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From iterates, their gradients, both `(n, C, H, W)`, and their positions `(n,)`: the next iterates, in the budget."""

Look = Callable[[Search, Tensor, Tensor], Tensor]
"""Let iterates `(n, C, H, W)` at positions `(n,)` compete; their gradient, or zeros where they require none."""


def look_once(search: Search, images: Tensor, index: Tensor) -> Tensor:
    """One forward pass, one backward pass."""
    loss = search.visit(images, index=index)
    return input_gradient(loss, images) if images.requires_grad else torch.zeros_like(images)


def climb(
    search: Search,
    *,
    start: Tensor,
    ascend: Ascend,
    look: Look = look_once,
    steps: int | None = None,
    restart: tuple[int, int] = (0, 1),
) -> bool:
    """`steps` (the spec's, if not given) from `start` `(B, C, H, W)`, itself in the budget.

    `restart` is which of how many, for the step count in the trace. False when the attack must not go on.
    """
    spec = search.problem.spec
    steps = steps or spec.steps
    before, total = restart[0] * steps, restart[1] * steps
    index = search.open()
    if len(index) == 0:
        return False
    images = start[index].requires_grad_()
    gradient = look(search, images, index)
    for step in range(1, steps + 1):
        # Only now may the fooled leave: their gradient came with the batch's.
        if spec.stop_when_fooled:
            staying = ~search.fooled[index]
            index, images, gradient = index[staying], images[staying], gradient[staying]
            if len(index) == 0:
                return False
        images = ascend(images.detach(), gradient, index).requires_grad_(step < steps)
        gradient = look(search, images, index)
        if not search.report(before + step, total=total):
            return False
    return True
