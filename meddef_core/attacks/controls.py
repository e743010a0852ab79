"""Controls: noise of the same L-infinity norm that knows nothing of the model. A real attack must beat it."""

from collections.abc import Callable

from torch import Tensor

from meddef_core.attacks.draws import draw_signs, draw_uniform
from meddef_core.attacks.gradient import project
from meddef_core.attacks.search import Search
from meddef_core.attacks.spec import AttackInfo


def corner_noise(search: Search) -> None:
    """Every pixel moves by plus or minus epsilon, at random: the strongest noise the budget allows."""
    _best_draw(search, draw_signs)


def uniform_noise(search: Search) -> None:
    """Every pixel moves by a uniform random amount within epsilon."""
    _best_draw(search, draw_uniform)


def _best_draw(search: Search, noise: Callable[..., Tensor]) -> None:
    """Visit `restarts` draws (one by default); under "best" the one that fools, or raises the loss most, is kept."""
    x, spec = search.problem.x, search.problem.spec
    for draw in range(spec.restarts):
        index = search.open()
        if len(index) == 0:
            return
        clean = x[index]
        moved = clean + spec.eps * noise(clean, seed=spec.seed, draw=draw)
        search.visit(project(moved, around=clean, eps=spec.eps), index=index)
        if not search.report(draw + 1, total=spec.restarts):
            return


ATTACKS = (
    AttackInfo(
        name="noise",
        title="Random noise",
        one_line="Moves every pixel by epsilon up or down at random: as large as an attack, but aimed at nothing.",
        citation="Carlini et al. 2019, On evaluating adversarial robustness, arXiv:1902.06705 (random-noise control)",
        threat="control",
        iterative=False,
        settings=frozenset({"restarts", "loss", "target", "seed", "keep", "stop_when_fooled"}),
        run=corner_noise,
    ),
    AttackInfo(
        name="uniform_noise",
        title="Uniform noise",
        one_line="Moves every pixel by a random amount of at most epsilon: milder than any attack should be.",
        citation="Carlini et al. 2019, On evaluating adversarial robustness, arXiv:1902.06705 (random-noise control)",
        threat="control",
        iterative=False,
        settings=frozenset({"restarts", "loss", "target", "seed", "keep", "stop_when_fooled"}),
        run=uniform_noise,
    ),
)
