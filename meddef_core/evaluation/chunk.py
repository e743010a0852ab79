"""All attacks of a set on a few scans together: those that are broken leave."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, get_attack, run_attack
from meddef_core.attacks.result import DISTANCES
from meddef_core.attacks.search import logits_of
from meddef_core.data.images import Images
from meddef_core.evaluation.trials import CLEAN, AtBudget, EvaluationPlan, ImageResult


class ChunkAttack:
    """The attacks of `plan` on the scans of `images` at the places `chunk`; `tell` hears of each attack.

    Images are made on `crafted_on`, a copy of `network` that is quicker, and judged by `network` itself.
    """

    def __init__(
        self,
        network: nn.Module,
        crafted_on: nn.Module,
        images: Images,
        plan: EvaluationPlan,
        chunk: tuple[int, ...],
        *,
        tell: Callable[[str], None],
    ) -> None:
        self._network, self._crafted_on, self._plan, self._chunk, self._tell = network, crafted_on, plan, chunk, tell
        self._items = [images.items[position] for position in chunk]
        device = next(network.parameters()).device
        self._x, self._y = (tensor.to(device) for tensor in images.batch(np.array(chunk)))
        self._clean = _predict(network, self._x)
        misread = AtBudget(eps=0.0, broken_by=CLEAN, found_at=0.0, step=0, distance=0.0)
        self._levels: list[dict[int, AtBudget]] = [
            {
                place: replace(misread, prediction=int(self._clean[place]))
                for place in (self._clean != self._y).nonzero().flatten().tolist()
            },
            *({} for _ in plan.budgets),
        ]
        """What broke which place; 0 is the scan as it is, then the levels of the plan."""
        self._tried: list[set[int]] = [set() for _ in chunk]

    def run(self) -> tuple[ImageResult, ...]:
        """An entry a scan, in the order of the chunk."""
        everywhere = set(range(len(self._chunk)))
        levels = list(enumerate(self._plan.levels, start=1))
        for level, numbers in levels:
            for number in numbers:
                if not self._plan.attacks[number].largest_first:
                    self._attack(number, level=level, places=everywhere)
        withstood: set[int] = set()
        for level, numbers in reversed(levels):
            for number in numbers:
                if self._plan.attacks[number].largest_first:
                    attacked = self._attack(number, level=level, places=everywhere - withstood)
                    withstood |= {place for place in attacked if self._witness(place, level=level) is None}
        return tuple(self._result(place) for place in range(len(self._chunk)))

    def _attack(self, number: int, *, level: int, places: set[int]) -> list[int]:
        """One attack on those of the places that stand at its level; the places it was run on."""
        trial = self._plan.attacks[number]
        standing = [
            place
            for place in sorted(places)
            if trial.takes(self._chunk[place], few=self._plan.few) and self._witness(place, level=level) is None
        ]
        if standing:
            self._tell(f"{trial.spec.name} on {len(standing)} of {len(self._chunk)}")
            x, y = self._x[standing], self._y[standing]
            found = break_images(self._network, self._crafted_on, x, y, trial.spec, number=number)
            self._levels[level] |= {standing[which]: witness for which, witness in found.items()}
        for place in standing:
            self._tried[place].add(number)
        return standing

    def _witness(self, place: int, *, level: int) -> AtBudget | None:
        """What broke a scan at the smallest budget up to this one, or under this attack where each is alone."""
        up_to = [self._levels[0], self._levels[level]] if self._plan.alone else self._levels[: level + 1]
        return next((found[place] for found in up_to if place in found), None)

    def _result(self, place: int) -> ImageResult:
        budgets = enumerate(self._plan.budgets, start=1)
        return ImageResult(
            position=self._chunk[place],
            scan_sha256=self._items[place].digest,
            label=int(self._y[place]),
            clean_prediction=int(self._clean[place]),
            tried=tuple(sorted(self._tried[place])),
            at=tuple(
                replace(self._witness(place, level=level) or AtBudget(eps=eps), eps=eps) for level, eps in budgets
            ),
        )


def break_images(
    network: nn.Module, crafted_on: nn.Module, x: Tensor, y: Tensor, spec: AttackSpec, *, number: int
) -> dict[int, AtBudget]:
    """Which of the images one attack breaks, by their place in `x`, as a fresh forward of `network` itself says."""
    result = run_attack(crafted_on, x, y, spec)
    adversarial, steps = result.adversarial, result.first_fooled
    # Folding rounds: where the network does not agree that it is fooled, the attack is run on the network itself.
    doubtful = (result.success & (_predict(network, adversarial) == y)).nonzero().flatten()
    if len(doubtful):
        again = run_attack(network, x[doubtful], y[doubtful], spec)
        adversarial[doubtful], steps[doubtful] = again.adversarial, again.first_fooled
    predictions = _predict(network, adversarial)
    distances = DISTANCES[get_attack(spec.name).norm](adversarial, x)
    return {
        place: AtBudget(
            eps=spec.eps,
            broken_by=spec.name,
            attack=number,
            found_at=spec.eps,
            step=int(steps[place]),
            distance=float(distances[place]),
            prediction=int(predictions[place]),
        )
        for place in (predictions != y).nonzero().flatten().tolist()
    }


def _predict(network: nn.Module, images: Tensor) -> Tensor:
    """Class numbers `(B,)`, from one full-precision forward."""
    with torch.no_grad():
        return logits_of(network, images).argmax(dim=1)
