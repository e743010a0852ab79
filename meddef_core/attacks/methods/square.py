"""Square attack: random squares of plus or minus epsilon, kept where the model's margin falls. No gradient."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from meddef_core.attacks.balls import project_linf
from meddef_core.attacks.draws import generators
from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search
from meddef_core.text import Text

FIRST_SHARE = 0.8
"""Share of the pixels that the first squares cover (section 5, p for the L-infinity norm)."""

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries, of 10,000, after which that share is halved (supplement, section C); stretched to the spec's number."""


class _Walk(NamedTuple):
    """Where one run stands with each of the `n` images still in it, and the random numbers it will use.

    The numbers are uniform in [0, 1) and drawn at once, each image's from its own generator.
    """

    positions: Tensor
    """`(n,)`, in the batch."""
    clean: Tensor
    images: Tensor
    """The best so far; squares are painted into it."""
    highest: Tensor
    """`(n,)` loss of `images`."""
    places: Tensor
    """`(n, steps, 2)`: row and column of each query's square."""
    signs: Tensor
    """`(n, steps, C)`."""

    def only(self, staying: Tensor) -> "_Walk":
        """The images where `staying` `(n,)` is true."""
        return self if bool(staying.all()) else _Walk(*(state[staying] for state in self))


def square(search: Search) -> None:
    """Start from vertical stripes, then try one square a query (Andriushchenko et al. 2020, algorithms 1 and 2).

    `steps` is the number of queries of one restart. The margin decides, whatever loss the spec names.
    """
    spec = search.problem.spec
    for restart in range(spec.restarts):
        if not _try_squares(search, restart=restart):
            return


def square_side(query: int, *, queries: int, height: int, width: int) -> int:
    """Side in pixels of the square that query number `query` of `queries` tries, at least 1."""
    halvings = sum(query * 10_000 // queries > after for after in HALVINGS)
    side = round(math.sqrt(FIRST_SHARE / 2**halvings * height * width))
    return min(max(side, 1), height, width)


def _try_squares(search: Search, *, restart: int) -> bool:
    """One run of `steps` queries, the first of which asks for the stripes; False when the attack must not go on."""
    spec = search.problem.spec
    index = search.open()
    if len(index) == 0:
        return False
    walk = _start(search, index, restart=restart)
    for query in range(spec.steps):
        if spec.stop_when_fooled:
            walk = walk.only(~search.fooled[walk.positions])
            if len(walk.positions) == 0:
                return False
        if query == 0:
            walk = walk._replace(highest=search.visit(walk.images, index=walk.positions))
        else:
            walk = _try_one(search, walk, query=query)
        if not search.report(restart * spec.steps + query + 1, total=spec.restarts * spec.steps):
            return False
    return True


def _start(search: Search, index: Tensor, *, restart: int) -> _Walk:
    """Vertical stripes one pixel wide, each at one end of the ball or the other."""
    spec = search.problem.spec
    clean = search.problem.x[index].contiguous()
    channels, width = clean.shape[1], clean.shape[3]
    numbers = [
        (
            torch.rand(channels, 1, width, generator=generator, dtype=clean.dtype),
            torch.rand(spec.steps, 2, generator=generator, dtype=clean.dtype),
            torch.rand(spec.steps, channels, generator=generator, dtype=clean.dtype),
        )
        for generator in generators(clean, seed=spec.seed, draw=restart)
    ]
    stripes, places, signs = (torch.stack(column).to(clean.device) for column in zip(*numbers, strict=True))
    return _Walk(
        positions=index,
        clean=clean,
        images=_end(clean, signs=_signs(stripes), eps=spec.eps),
        highest=torch.full_like(clean[:, 0, 0, 0], -torch.inf),
        places=places,
        signs=signs,
    )


def _try_one(search: Search, walk: _Walk, *, query: int) -> _Walk:
    """Paint a square into each image, ask about it, and paint it out again where the loss did not rise.

    Only the squares are touched, so that a query costs next to nothing beside the model's own work.
    """
    spec = search.problem.spec
    inside = _square(walk, query=query, queries=spec.steps)
    values, clean = walk.images.flatten(2), walk.clean.flatten(2).gather(2, inside)
    before = values.gather(2, inside)
    after = _repainted(before, around=clean, signs=_signs(walk.signs[:, query, :, None]), eps=spec.eps)
    values.scatter_(2, inside, after)
    reached = search.visit(walk.images, index=walk.positions)
    higher = reached > walk.highest
    values.scatter_(2, inside, torch.where(higher[:, None, None], after, before))
    return walk._replace(highest=torch.where(higher, reached, walk.highest))


def _square(walk: _Walk, *, query: int, queries: int) -> Tensor:
    """`(n, C, side * side)`: which values of each image's channels, counted row by row, a query's square covers."""
    n, channels, height, width = walk.images.shape
    side = square_side(query, queries=queries, height=height, width=width)
    room = torch.tensor([height - side + 1, width - side + 1], device=walk.places.device)
    row, column = (walk.places[:, query] * room).long().unbind(dim=1)
    span = torch.arange(side, device=row.device)
    offsets = (span[:, None] * width + span).flatten()
    return ((row * width + column)[:, None] + offsets)[:, None].expand(n, channels, -1)


def _repainted(squares: Tensor, *, around: Tensor, signs: Tensor, eps: float) -> Tensor:
    """`squares` `(n, C, side * side)`, each channel at the end of the ball that `signs` `(n, C, 1)` name.

    That is where the paper's step of 2 epsilon leads from anywhere inside. A square that is there already goes to the
    other end: the query would be a wasted one.
    """
    painted = _end(around, signs=signs, eps=eps)
    idle = (painted == squares).flatten(1).all(dim=1)[:, None, None]
    return torch.where(idle, _end(around, signs=-signs, eps=eps), painted)


def _end(clean: Tensor, *, signs: Tensor, eps: float) -> Tensor:
    return project_linf(clean + eps * signs, around=clean, eps=eps)


def _signs(uniform: Tensor) -> Tensor:
    return torch.where(uniform < 0.5, -1.0, 1.0).to(uniform.dtype)


ATTACKS = (
    AttackInfo(
        name="square",
        title=Text("attack.square", "Square"),
        one_line=Text(
            "attack.tries-random",
            "Tries random squares and keeps those that help; it sees the model's outputs and no gradient.",
        ),
        citation="Andriushchenko et al. 2020, Square attack: a query-efficient black-box adversarial attack via random "
        "search, arXiv:1912.00049",
        threat="black box",
        iterative=True,
        settings=frozenset({"steps", "restarts", "target", "seed", "keep", "stop_when_fooled"}),
        run=square,
        loss="margin",
        defaults={"steps": 1000},
        most_steps=5000,
    ),
)
