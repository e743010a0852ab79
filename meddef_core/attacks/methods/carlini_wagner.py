"""Carlini and Wagner's attack: trades the length of a change against the margin it gains."""

from typing import NamedTuple

import torch
from torch import Tensor

from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search, input_gradient
from meddef_core.text import Text

RATES = (0.3, 0.003)
"""Adam's step size in w, at first and at last: the authors' constant 0.01 takes thousands of steps to come as near."""
BETAS = (0.9, 0.999)
"""Decay of Adam's two moments."""
TINY = 1e-8
"""Adam's epsilon."""
FIRST_TRADE_OFF = 1.0
"""c of the first round."""
INSIDE = 0.9999
"""The scan is drawn in to this share of the range, or values at its ends would be at infinite w.

Much nearer to 1 they are too far out to come back, and much of a scan is plain black.
"""


class _TradeOff(NamedTuple):
    """The search for each image's c, all `(B,)`: bisection, once some c was large enough."""

    value: Tensor
    low: Tensor
    """The largest c that did not fool."""
    high: Tensor
    """The smallest c that did; infinite before there is one."""

    def next(self, reached: Tensor) -> "_TradeOff":
        """After a round in which the images `reached` `(B,)` bool were fooled, near enough or not."""
        low, high = torch.where(reached, self.low, self.value), torch.where(reached, self.value, self.high)
        return _TradeOff(torch.where(torch.isinf(high), 10 * self.value, (low + high) / 2), low, high)


def cw_l2(search: Search) -> None:
    """Minimise |d|^2 + c max(-margin, 0) over images (tanh w + 1) / 2 by Adam (Carlini and Wagner 2017, section VI.A).

    `search_steps` rounds of `steps` each, all from the scan: c grows tenfold until the image fools, then is bisected.
    The budget only decides what counts as a success.
    """
    x, spec = search.problem.x, search.problem.spec
    first = torch.full_like(x[:, 0, 0, 0], FIRST_TRADE_OFF)
    trade_off = _TradeOff(first, torch.zeros_like(first), torch.full_like(first, torch.inf))
    for number in range(spec.search_steps):
        reached = torch.zeros_like(search.fooled)
        if not _round(search, trade_off.value, reached, number=number):
            return
        trade_off = trade_off.next(reached)


def _round(search: Search, trade_off: Tensor, reached: Tensor, *, number: int) -> bool:
    """`steps` steps of Adam at one c for each image; marks the images `reached`. False when it must not go on."""
    spec = search.problem.spec
    index = search.open()
    if len(index) == 0:
        return False
    w = (INSIDE * (2 * search.problem.x[index] - 1)).atanh()
    mean, square = torch.zeros_like(w), torch.zeros_like(w)
    gradient = _look(search, w, index, trade_off, reached)
    for step in range(1, spec.steps + 1):
        if spec.stop_when_fooled:
            staying = ~search.fooled[index]
            index, w, mean, square, gradient = (t[staying] for t in (index, w, mean, square, gradient))
            if len(index) == 0:
                return False
        mean = BETAS[0] * mean + (1 - BETAS[0]) * gradient
        square = BETAS[1] * square + (1 - BETAS[1]) * gradient**2
        unbiased = mean / (1 - BETAS[0] ** step), square / (1 - BETAS[1] ** step)
        rate = RATES[0] * (RATES[1] / RATES[0]) ** ((step - 1) / spec.steps)
        w = w - rate * unbiased[0] / (unbiased[1].sqrt() + TINY)
        gradient = _look(search, w, index, trade_off, reached, last=step == spec.steps)
        if not search.report(number * spec.steps + step, total=spec.search_steps * spec.steps):
            return False
    return True


def _look(
    search: Search, w: Tensor, index: Tensor, trade_off: Tensor, reached: Tensor, *, last: bool = False
) -> Tensor:
    """Let the images of `w` compete; the gradient of what is minimised with respect to `w`, zero where `last`."""
    problem = search.problem
    w = w.detach().requires_grad_(not last)
    images = (w.tanh() + 1) / 2
    logits = search.query(images)
    search.offer(images.detach(), logits=logits.detach(), index=index)
    reached[index] |= problem.fooled(logits, index)
    if last:
        return torch.zeros_like(w)
    length = (images - problem.x[index]).square().flatten(1).sum(dim=1)
    # The difference of two logits, so that their own level and sign do not matter.
    shortfall = -problem.loss(logits, index, kind="margin")
    return input_gradient(length + trade_off[index] * shortfall.clamp(min=0), w)


ATTACKS = (
    AttackInfo(
        name="cw_l2",
        title=Text("attack.carlini-wagner", "Carlini-Wagner (L2)"),
        one_line=Text(
            "attack.searches-shortest",
            "Searches for the shortest change that fools, weighing its length against the margin it gains.",
        ),
        citation="Carlini and Wagner 2017, Towards evaluating the robustness of neural networks, arXiv:1608.04644 "
        "(section VI.A)",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "search_steps", "target", "stop_when_fooled"}),
        run=cw_l2,
        norm="l2",
        loss="margin",
        seeks="smallest",
        defaults={"eps": 3.0, "steps": 100},
        most_steps=1000,
    ),
)
