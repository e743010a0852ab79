"""JSMA: a few values at a time, picked in pairs by how they raise one class and lower all others."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from meddef_core.attacks.climb import climb
from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search, input_gradient
from meddef_core.text import Text

ROUND = 32
"""Pairs taken from one shortlist before a new one is drawn up: the longer the round, the longer the list."""
MOST_LISTED = 1024
"""Values on the shortlist of one way to move, so that their pairs fit in memory whatever the slopes are."""


def jsma(search: Search) -> None:
    """The saliency of value pairs (Papernot et al. 2016, algorithm 3 and section IV.A), with both signs of theta.

    A pair (i, j) has alpha, the summed slopes of the goal's logit, and beta, those of all other logits together. It
    moves by theta where alpha > 0 > beta, by -theta where alpha < 0 < beta, and of all such pairs the one of largest
    |alpha beta| goes first (the sign chosen per pair: Wiyatno and Xu 2018, arXiv:1808.07945). The goal is the spec's
    target, else each image's likeliest other class at the clean image (fixed throughout, unlike Wiyatno and Xu's).

    `steps` counts Jacobians. The paper asks for one after each pair; with fewer steps than the budget has pairs, each
    Jacobian moves as many of the best disjoint pairs as make that number of moves in all. A value may move again, the
    same way only (one that goes back and forth would gain nothing), until it reaches 0 or 1, so that fewer values
    change than the budget allows. Where it does run out, leaving fewer than two, only values already changed move on.
    """
    problem = search.problem
    spec = problem.spec
    budget = int(spec.eps * problem.x[0].numel())
    pairs = -(-(budget // 2) // spec.steps)
    others = problem.clean_logits.scatter(1, problem.y[:, None], -torch.inf)
    goal = others.argmax(dim=1) if spec.target is None else torch.full_like(problem.y, spec.target)

    def look(search: Search, images: Tensor, index: Tensor) -> Tensor:
        """Alpha and beta of every value, `(n, 2, C, H, W)`; after the last step nobody reads them."""
        logits = search.query(images)
        search.offer(images.detach(), logits=logits.detach(), index=index)
        return _slopes(logits, images, goal[index]) if images.requires_grad else torch.stack([images, images], dim=1)

    def ascend(images: Tensor, slopes: Tensor, index: Tensor) -> Tensor:
        moves = []
        for image, clean, (alpha, beta) in zip(images, problem.x[index], slopes, strict=True):
            # Values never turn back, so that the image itself tells which have moved, and which way.
            fresh = (image == clean).flatten()
            move = choose_pairs(
                alpha.flatten(),
                beta.flatten(),
                up=((image < 1) & (image >= clean)).flatten(),
                down=((image > 0) & (image <= clean)).flatten(),
                fresh=fresh,
                room=budget - int((~fresh).sum()),
                pairs=pairs,
            )
            moves.append(move.view_as(image))
        return (images + spec.theta * torch.stack(moves)).clamp(0, 1)

    climb(search, start=problem.x, ascend=ascend, look=look)


def choose_pairs(
    alpha: Tensor, beta: Tensor, *, up: Tensor, down: Tensor, fresh: Tensor, room: int, pairs: int
) -> Tensor:
    """Greedily the `pairs` most salient disjoint pairs of an image's `D` values: -1, 0 or 1 for each, `(D,)`.

    `alpha` and `beta` `(D,)` are the slopes of the goal's logit and of all others'; `up` and `down` `(D,)` bool say
    which values may rise and fall; at most `room` of those that are `fresh` `(D,)` bool may move, and none once `room`
    is below 2. Fewer pairs come back where no other is salient. The choice is that of a search over all pairs
    (`shortlist` names the one exception).
    """
    moves = torch.zeros_like(alpha)
    # The choice is the same at any scale of either slope; at this one their products do not underflow.
    alpha, beta = (slope / slope.abs().max().clamp(min=torch.finfo(slope.dtype).tiny) for slope in (alpha, beta))
    # NumPy sorts floats several times as fast as torch does on a CPU.
    order = torch.as_tensor((-alpha).numpy(force=True).argsort(), device=alpha.device)
    ways = ((1, up, order), (-1, down, order.flip(0)))
    is_fresh = fresh.tolist()
    while pairs > 0:
        free = (moves == 0) if room >= 2 else (moves == 0) & ~fresh
        most = min(pairs, ROUND)
        rankings = []
        for way, allowed, ranked in ways:
            goal, others = way * alpha, -way * beta
            listed = shortlist(goal, others, ranked=ranked[(allowed & free)[ranked]], pairs=most)
            rankings.append((way, _Ranking(listed, saliency(goal[listed], others[listed]))))
        moved: dict[int, int] = {}
        spent = room < 2
        # Where the room runs out on the way, the values that may still move want a list of their own.
        while len(moved) < 2 * most and (spent or room >= 2):
            way, ranking = max(rankings, key=lambda each: each[1].best)
            if ranking.best == 0:
                break
            pair = ranking.first
            for _, each in rankings:
                each.remove(pair)
            moved |= dict.fromkeys(pair, way)
            room -= sum(is_fresh[value] for value in pair)
        if not moved:
            break
        moves[list(moved)] = moves.new_tensor(list(moved.values()))
        pairs -= len(moved) // 2
    return moves


class _Ranking:
    """The pairs of a shortlist, the most salient first; two values that are taken leave with all their pairs.

    Each value's best partner is kept, so that a look at the values finds the best pair of all. A value whose partner
    left looks for another only when it stands first by its old score, which no new one surpasses. In NumPy: the lists
    are so short that a call of torch takes longer than what it does.
    """

    def __init__(self, listed: Tensor, scores: Tensor) -> None:
        """`listed` `(m,)`: positions of the values in the image; `scores` `(m, m)` as `saliency` gives them."""
        self._listed: list[int] = listed.tolist()
        self._places = {value: place for place, value in enumerate(self._listed)}
        # A last row of no value at all, so that even an empty list has a first one.
        self._scores = F.pad(scores, (0, 0, 0, 1)).numpy(force=True)
        self._left = np.ones(len(self._listed), dtype=self._scores.dtype)
        self._bests = self._scores.max(axis=1, initial=0)
        self._partners = self._scores.argmax(axis=1) if self._listed else np.zeros(1, dtype=np.intp)
        self._row = self._first_row()

    @property
    def best(self) -> float:
        """How salient the best pair is; 0 where there is none."""
        return float(self._bests[self._row])

    @property
    def first(self) -> list[int]:
        """The best pair's positions in the image; of equals the pair that stands first."""
        return [self._listed[self._row], self._listed[self._partners[self._row]]]

    def remove(self, pair: list[int]) -> None:
        """Two positions in the image, whether they are listed here or not."""
        places = [self._places[value] for value in pair if value in self._places]
        if places:
            self._left[places] = 0
            self._bests[places] = 0
            self._row = self._first_row()

    def _first_row(self) -> int:
        while True:
            row = int(self._bests.argmax())
            if self._bests[row] == 0 or self._left[self._partners[row]]:
                return row
            scores = self._scores[row] * self._left
            self._partners[row] = scores.argmax()
            self._bests[row] = scores[self._partners[row]]


def shortlist(goal: Tensor, others: Tensor, *, ranked: Tensor, pairs: int) -> Tensor:
    """Positions, in order, of values among which the `pairs` best disjoint pairs for one way to move are found.

    `goal` and `others` `(D,)` say how much that way raises the goal's logit and lowers all others; `ranked` are the
    positions that may go it, by falling `goal`. Exchanging a value of a pair for one that raises the goal more and
    lowers the others more makes a better pair. So each value of the best pair is beaten in both respects by its partner
    at most, and each value of the k-th by fewer than 2 k others, as all that beat it were taken before. Those are some
    hundreds of 50,000, and the greedy search over them is one over all pairs. Only where the goal's slopes are nearly
    those of the others do more than `MOST_LISTED` belong here; those of the largest sum stand for them: 4 times the
    saliency of a pair is at most the square of its sum.
    """
    listed = _rarely_beaten(ranked, merit=others, count=2 * pairs)
    if len(listed) > MOST_LISTED:
        listed = listed[(goal + others)[listed].topk(MOST_LISTED).indices]
    return listed.sort().values


def _rarely_beaten(ranked: Tensor, *, merit: Tensor, count: int) -> Tensor:
    """Those of `ranked` that fewer than `count` of the ones before them equal or surpass in `merit`, and some more."""
    merits = merit[ranked]
    kept = torch.ones_like(ranked, dtype=torch.bool)
    end = count
    while end < len(ranked):
        # At least `count` of the first `end` reach this; with `end` doubling, the floors cost no more than one look.
        floor = merits[:end].topk(count).values[-1]
        kept[end : 2 * end] = merits[end : 2 * end] > floor
        end *= 2
    return ranked[kept]


def saliency(goal: Tensor, others: Tensor) -> Tensor:
    """How salient every pair of `m` values is: `(m, m)`, above the diagonal only.

    The product of how much a pair raises the goal and lowers the others, `goal` and `others` `(m,)` as in `shortlist`;
    0 where it does not do both.
    """
    score = (goal[:, None] + goal).clamp_(min=0)
    return score.mul_((others[:, None] + others).clamp_(min=0)).triu_(diagonal=1)


def _slopes(logits: Tensor, images: Tensor, goal: Tensor) -> Tensor:
    """Alpha and beta `(n, 2, C, H, W)` from one forward pass: two backward passes, however many classes there are."""
    own = logits.gather(1, goal[:, None]).sum()
    alpha = None
    if own.requires_grad:
        (alpha,) = torch.autograd.grad(own, images, retain_graph=True, allow_unused=True)
    # Refuses a model without a gradient; and alpha is part of this sum, which is not finite where alpha is not.
    total = input_gradient(logits.sum(dim=1), images)
    alpha = torch.zeros_like(total) if alpha is None else alpha
    return torch.stack([alpha, total - alpha], dim=1)


ATTACKS = (
    AttackInfo(
        name="jsma",
        title=Text("lab.jsma", "JSMA"),
        one_line=Text(
            "attack.changes-few",
            "Changes few values, in pairs: those that most raise another class while lowering all the rest.",
        ),
        citation="Papernot et al. 2016, The limitations of deep learning in adversarial settings, arXiv:1511.07528",
        threat="white box",
        iterative=True,
        settings=frozenset({"steps", "theta", "target", "keep", "stop_when_fooled"}),
        run=jsma,
        norm="l0",
        # What "best" means here; the search itself climbs no loss.
        loss="margin",
        defaults={"eps": 0.14, "steps": 100},
        most_steps=4000,
    ),
)
