"""HopSkipJump: finds its way along the decision boundary from predicted labels alone."""

import math

import torch
from torch import Tensor

from meddef_core.attacks.draws import generators
from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search
from meddef_core.text import Text

TRIES = 32
"""Noisy images of each grain tried as a start, of which the last is nothing but noise."""
PROBE = 0.01
"""Root mean square of a probe's change, as a share of the distance to the scan.

The paper's delta, that distance over the number of values, is lost in float32's rounding on images of full size.
"""
PRECISION = 0.1
"""A point counts as on the boundary when its error moves the logits by this share of what a probe does."""
SLACK = 1e-3
"""What is kept lies this share further out than the edge, whose label the rounding of another batch size may turn."""
HALVINGS = 30
"""Of the step, after which an image stays where it is."""
MOST_AT_ONCE = 64
"""Images in one forward pass, so that many samples of large images fit in memory."""


def hop_skip_jump(search: Search) -> None:
    """The L-infinity attack of Chen et al. 2020, algorithm 2, one image at a time.

    Iteration t spends `samples` * sqrt(t) queries on the direction of the boundary's normal. Where no noise changes
    the label, the image stays as it is. Beyond `Problem.fooled`, the logits play no part.
    """
    problem, spec = search.problem, search.problem.spec
    lots = generators(problem.x, seed=spec.seed, draw=0)
    walks = [_Walk(search, position=i, lots=lots[i]) for i in (~search.fooled).nonzero().flatten().tolist()]
    for step in range(1, spec.steps + 1):
        if spec.stop_when_fooled:
            walks = [walk for walk in walks if not walk.done]
            if not walks:
                return
        if step == 1:
            walks = [walk for walk in walks if walk.start()]
        for walk in walks:
            if not (spec.stop_when_fooled and walk.done):
                walk.hop(step)
        if not search.report(step, total=spec.steps):
            return


class _Walk:
    """One image's way along the boundary."""

    def __init__(self, search: Search, *, position: int, lots: torch.Generator) -> None:
        self.search = search
        self.index = torch.tensor([position], device=search.problem.x.device)
        self.clean = search.problem.x[self.index]
        self.edge = self.clean
        """`(1, C, H, W)`: the image on the boundary, on its far side."""
        self.lots = lots

    @property
    def done(self) -> bool:
        """Whether an image inside the budget has been found."""
        return bool(self.search.fooled[self.index])

    def start(self) -> bool:
        """Mix in more and more noise until the image fools, and go back to the boundary; False where none does.

        Where the paper's white noise never does, its grain is doubled: many a net sees one and the same class in all
        white noise, and could otherwise never be left on scans of that class.
        """
        share = (torch.arange(1, TRIES + 1, device=self.clean.device) / TRIES).to(self.clean.dtype).view(-1, 1, 1, 1)
        grain = 1
        while grain < 2 * max(self.clean.shape[2:]):
            mixed = (1 - share) * self.clean + share * self._uniform(TRIES, grain=grain)
            fooling = self._fools(mixed).nonzero().flatten()
            if len(fooling) > 0:
                self._return_from(mixed[fooling[:1]])
                return True
            grain *= 2
        return False

    def hop(self, step: int) -> None:
        """Leap along the estimated normal as far as the image still fools, then return to the boundary."""
        distance = float((self.edge - self.clean).abs().max())
        direction = self._normal(samples=int(self.search.problem.spec.samples * math.sqrt(step)), distance=distance)
        size = distance / math.sqrt(step)
        for _ in range(HALVINGS):
            ahead = (self.edge + size * direction.sign()).clamp(0, 1)
            if bool(self._fools(ahead)):
                self._return_from(ahead)
                return
            size /= 2

    def _normal(self, *, samples: int, distance: float) -> Tensor:
        """`(1, C, H, W)`: the mean of random probes, each signed by whether it fools (equation 16).

        Taking the mean sign off lowers the variance where the point is not quite on the boundary.
        """
        total = torch.zeros_like(self.edge)
        signed = torch.zeros_like(self.edge)
        balance = 0.0
        for first in range(0, samples, MOST_AT_ONCE):
            # Uniform numbers in [-1, 1) have a root mean square of 1 / sqrt(3).
            noise = (2 * self._uniform(min(MOST_AT_ONCE, samples - first)) - 1) * math.sqrt(3)
            probes = (self.edge + PROBE * distance * noise).clamp(0, 1)
            signs = torch.where(self._fools(probes), 1.0, -1.0).to(probes.dtype)
            moved = probes - self.edge  # as moved, not as drawn: the box may have cut it
            total += moved.sum(dim=0, keepdim=True)
            signed += (signs.view(-1, 1, 1, 1) * moved).sum(dim=0, keepdim=True)
            balance += float(signs.sum()) / samples
        return signed if abs(balance) > 1 - 1e-6 else signed - balance * total

    def _return_from(self, outer: Tensor) -> None:
        """Bisect for the smallest ball around the scan whose nearest point to `outer` fools; that is the new edge."""

        def within(radius: float) -> Tensor:
            return torch.minimum(torch.maximum(outer, self.clean - radius), self.clean + radius)

        low, high = 0.0, float((outer - self.clean).abs().max())
        self.edge = outer
        # A move of every value by r shifts the logits up to sqrt(D) times as much as a probe of that size.
        close = high * PRECISION * PROBE / math.sqrt(outer.numel())
        while high - low > close:
            middle = (low + high) / 2
            image = within(middle)
            if bool(self._fools(image)):
                self.edge, high = image, middle
            else:
                low = middle
        kept = within((1 + SLACK) * high)
        self.search.offer(kept, logits=self.search.query(kept), index=self.index)

    def _fools(self, images: Tensor) -> Tensor:
        """`(n,)` bool."""
        return self.search.problem.fooled(self.search.query(images), self.index.expand(len(images)))

    def _uniform(self, n: int, *, grain: int = 1) -> Tensor:
        """`(n, C, H, W)` in [0, 1), the same for all of a block of `grain` by `grain` pixels."""
        channels, height, width = self.clean.shape[1:]
        shape = (n, channels, -(-height // grain), -(-width // grain))
        numbers = torch.rand(shape, generator=self.lots, dtype=self.clean.dtype).to(self.clean.device)
        if grain == 1:
            return numbers
        return numbers.repeat_interleave(grain, dim=2).repeat_interleave(grain, dim=3)[:, :, :height, :width]


ATTACKS = (
    AttackInfo(
        name="hop_skip_jump",
        title=Text("attack.hopskipjump", "HopSkipJump"),
        one_line=Text(
            "attack.feels-way",
            "Feels its way along the decision boundary towards the scan; it sees the predicted label only.",
        ),
        citation="Chen, Jordan and Wainwright 2020, HopSkipJumpAttack: a query-efficient decision-based attack, "
        "arXiv:1904.02144 (algorithm 2)",
        threat="black box",
        iterative=True,
        settings=frozenset({"steps", "samples", "target", "seed", "stop_when_fooled"}),
        run=hop_skip_jump,
        # Only the trace shows it.
        loss="margin",
        seeks="smallest",
        defaults={"steps": 10, "samples": 100},
        most_steps=50,
    ),
)
