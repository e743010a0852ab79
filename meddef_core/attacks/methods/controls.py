"""Controls: noise of the same norm that knows nothing of the model. A real attack must beat it."""

from collections.abc import Callable

import torch
from torch import Tensor

from meddef_core.attacks.balls import project_l2, project_linf
from meddef_core.attacks.draws import draw_normal, draw_signs, draw_uniform
from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import Search
from meddef_core.text import Text


def corner_noise(search: Search) -> None:
    """Every pixel moves by plus or minus epsilon, at random: the strongest noise the budget allows."""
    _linf_noise(search, draw_signs)


def uniform_noise(search: Search) -> None:
    """Every pixel moves by a uniform random amount within epsilon."""
    _linf_noise(search, draw_uniform)


def _linf_noise(search: Search, numbers: Callable[..., Tensor]) -> None:
    eps = search.problem.spec.eps
    _best_draw(search, lambda clean, **key: project_linf(clean + eps * numbers(clean, **key), around=clean, eps=eps))


def l2_noise(search: Search) -> None:
    """A step of Euclidean length epsilon in a random direction, each as likely as any other."""
    eps = search.problem.spec.eps

    def moved(clean: Tensor, **key: int) -> Tensor:
        direction = draw_normal(clean, **key)
        length = direction.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        return project_l2(clean + eps * direction / length, around=clean, eps=eps)

    _best_draw(search, moved)


def l0_noise(search: Search) -> None:
    """A random share epsilon of the values moves by plus or minus theta, as far as [0, 1] lets it."""
    spec = search.problem.spec

    def moved(clean: Tensor, **key: int) -> Tensor:
        # One uniform draw gives both: its size the order in which values are taken, its sign their direction.
        numbers = draw_uniform(clean, **key).flatten(1)
        taken = numbers.abs().argsort(dim=1)[:, : int(spec.eps * numbers.shape[1])]
        step = torch.zeros_like(numbers).scatter(1, taken, spec.theta * numbers.gather(1, taken).sign())
        return (clean + step.view_as(clean)).clamp(0, 1)

    _best_draw(search, moved)


def _best_draw(search: Search, moved: Callable[..., Tensor]) -> None:
    """Visit `restarts` draws (one by default); under "best" the one that fools, or raises the loss most, is kept.

    `moved(clean, seed=, draw=)` is noisy images inside the budget.
    """
    x, spec = search.problem.x, search.problem.spec
    for draw in range(spec.restarts):
        index = search.open()
        if len(index) == 0:
            return
        search.visit(moved(x[index], seed=spec.seed, draw=draw), index=index)
        if not search.report(draw + 1, total=spec.restarts):
            return


ATTACKS = (
    AttackInfo(
        name="noise",
        title=Text("lab.random-noise-2", "Random noise"),
        one_line=Text(
            "attack.moves-every",
            "Moves every pixel by epsilon up or down at random: as large as an attack, but aimed at nothing.",
        ),
        citation="Carlini et al. 2019, On evaluating adversarial robustness, arXiv:1902.06705 (random-noise control)",
        threat="control",
        iterative=False,
        settings=frozenset({"restarts", "loss", "target", "seed", "keep", "stop_when_fooled"}),
        run=corner_noise,
    ),
    AttackInfo(
        name="uniform_noise",
        title=Text("attack.uniform-noise", "Uniform noise"),
        one_line=Text(
            "attack.moves-every-pixel",
            "Moves every pixel by a random amount of at most epsilon: milder than any attack should be.",
        ),
        citation="Carlini et al. 2019, On evaluating adversarial robustness, arXiv:1902.06705 (random-noise control)",
        threat="control",
        iterative=False,
        settings=frozenset({"restarts", "loss", "target", "seed", "keep", "stop_when_fooled"}),
        run=uniform_noise,
    ),
    AttackInfo(
        name="noise_l2",
        title=Text("attack.random-direction", "Random direction (L2)"),
        one_line=Text(
            "attack.moves-scan",
            "Moves the scan by a fixed length in a random direction: as far as an attack, but aimed at nothing.",
        ),
        citation="Carlini et al. 2019, On evaluating adversarial robustness, arXiv:1902.06705 (random-noise control)",
        threat="control",
        iterative=False,
        settings=frozenset({"restarts", "loss", "target", "seed", "keep", "stop_when_fooled"}),
        run=l2_noise,
        norm="l2",
        defaults={"eps": 3.0},
    ),
    AttackInfo(
        name="noise_l0",
        title=Text("attack.random-values", "Random values (L0)"),
        one_line=Text(
            "attack.changes-share",
            "Changes a share of the values, picked at random: as many as an attack, but aimed at nothing.",
        ),
        citation="Carlini et al. 2019, On evaluating adversarial robustness, arXiv:1902.06705 (random-noise control)",
        threat="control",
        iterative=False,
        settings=frozenset({"restarts", "loss", "target", "seed", "keep", "stop_when_fooled", "theta"}),
        run=l0_noise,
        norm="l0",
        defaults={"eps": 0.14},
    ),
)
