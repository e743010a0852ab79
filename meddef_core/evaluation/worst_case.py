"""The worst case of each scan: every attack of a set in turn, until one of them breaks it.

Robust accuracy is the share of scans that no attack of the set breaks. The unit of work is a chunk of scans that goes
through all attacks together, those that are broken leaving it. Chunks do not depend on who works on them, so any
number of processes finds the same results, bit for bit (given one number of threads for each process).
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, default_spec, get_attack, run_attack
from meddef_core.attacks.result import DISTANCES
from meddef_core.attacks.search import logits_of
from meddef_core.data.images import Images
from meddef_core.errors import AttackError
from meddef_core.evaluation.selection import few_of, some_of_each_class
from meddef_core.model.folded import folded

APGD_STEPS, APGD_RESTARTS = 50, 2
FAB_STEPS, FAB_RESTARTS = 50, 1
SQUARE_QUERIES = 1000
SQUARE_QUERIES_ON_FEW, FEW = 5000, 200
"""Five times the queries break a little more; how much is measured on this many scans, fixed for a list."""

CHUNK = 32
"""Scans that are attacked together: many enough to keep a core busy, few enough to lose little when interrupted."""

CLEAN = "clean"
"""What breaks a scan that is misread as it is."""

OnProgress = Callable[[int, int, str], None]
"""Told scans done, scans in all, and what is being done."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One attack of a set."""

    spec: AttackSpec
    few: bool = False
    """Run on `FEW` scans of the list only."""


def worst_case_attacks(classes: int, *, eps: float, seed: int = 0) -> tuple[Trial, ...]:
    """The worst-case set at one budget (L-infinity, pixel units), cheapest for what it breaks first.

    What AutoAttack is for many classes (Croce and Hein 2020, arXiv:2003.01690) for two and more: its DLR loss is
    undefined below three classes, so the margin takes its place, towards every other class where there are several.
    Each attack starts from other random images: with two classes, cross-entropy and margin would climb alike from
    the same ones.
    """
    margin = "apgd_targeted" if classes > 2 else "apgd_margin"
    settings: list[tuple[str, dict[str, Any]]] = [
        ("apgd_ce", {"steps": APGD_STEPS, "restarts": APGD_RESTARTS}),
        (margin, {"steps": APGD_STEPS, "restarts": APGD_RESTARTS}),
        ("fab", {"steps": FAB_STEPS, "restarts": FAB_RESTARTS}),
        ("square", {"steps": SQUARE_QUERIES}),
        ("square", {"steps": SQUARE_QUERIES_ON_FEW}),
    ]
    specs = [
        default_spec(name, eps=eps, seed=len(settings) * seed + number, stop_when_fooled=True, **changes)
        for number, (name, changes) in enumerate(settings)
    ]
    return tuple(Trial(spec=spec, few=spec.steps == SQUARE_QUERIES_ON_FEW) for spec in specs)


@dataclass(frozen=True, kw_only=True)
class AtBudget:
    """What became of one scan at one budget."""

    eps: float
    broken_by: str | None = None
    """Name of the attack, `CLEAN` where the scan is misread as it is, None where nothing broke it."""
    attack: int | None = None
    """Position of that attack in the set; None where none was needed or none succeeded."""
    found_at: float | None = None
    """Budget the attack had: a scan broken at a smaller budget is broken by the same image at every larger one."""
    step: int | None = None
    """The attack's step that first fooled the network (`AttackResult.first_fooled`); 0 for a misread scan."""
    distance: float | None = None
    """How far the image that breaks it is, measured in the norm of the set."""
    prediction: int | None = None
    """What the network makes of that image."""


@dataclass(frozen=True, kw_only=True)
class ImageResult:
    """The worst case of one scan, at every budget of the set."""

    position: int
    """In the list, from 0."""
    scan_sha256: str
    """Of the scan's bytes, as the list keeps it."""
    label: int
    clean_prediction: int
    few: bool
    """Whether the attacks for few scans were run on it."""
    at: tuple[AtBudget, ...]
    """By budget, the smallest first."""

    @property
    def broken_by(self) -> str | None:
        """What broke it at the largest budget."""
        return self.at[-1].broken_by


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that determines the per-image results, beside the network and the list."""

    attacks: tuple[Trial, ...]
    """By budget, the smallest first; within a budget in the order given."""
    positions: tuple[int, ...]
    """Of the list, ascending."""
    few: frozenset[int]
    """Positions that get the attacks for few scans."""
    chunk: int = CHUNK

    @property
    def budgets(self) -> tuple[float, ...]:
        """Ascending."""
        return tuple(sorted({trial.spec.eps for trial in self.attacks}))

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Positions, chunk by chunk."""
        starts = range(0, len(self.positions), self.chunk)
        return tuple(self.positions[start : start + self.chunk] for start in starts)


@dataclass(frozen=True, kw_only=True)
class WorstCase:
    """The plan and what it found, an entry a scan in the order of the list."""

    plan: Plan
    images: tuple[ImageResult, ...]


class Log(Protocol):
    """Where finished chunks are kept; see `meddef_core.evaluation.resume`."""

    @property
    def done(self) -> dict[int, tuple[ImageResult, ...]]: ...

    def append(self, number: int, images: tuple[ImageResult, ...]) -> None: ...


def plan_worst_case(
    images: Images, *, attacks: Sequence[Trial], limit: int | None = None, chunk: int = CHUNK
) -> Plan:
    """Which scans go through which attacks, at `limit` a fixed choice of them with as many of each class as there are.

    Raises AttackError if the attacks are none, or if one does not fit into a worst case of each scan by itself.
    """
    if not attacks:
        raise AttackError("a worst case needs at least one attack")
    for trial in attacks:
        info = get_attack(trial.spec.name)
        if trial.spec.target is not None or info.batchwise or info.needs_source:
            raise AttackError(
                f"{info.title} as asked for has no worst case of each scan by itself: "
                "choose untargeted attacks on the network alone"
            )
    if len({get_attack(trial.spec.name).norm for trial in attacks}) > 1:
        raise AttackError("the attacks of a worst case share one budget: choose attacks of one norm")
    return Plan(
        attacks=tuple(sorted(attacks, key=lambda trial: trial.spec.eps)),
        positions=tuple(range(len(images))) if limit is None else some_of_each_class(images, limit),
        few=frozenset(few_of(images, FEW, salt="few")),
        chunk=chunk,
    )


def run_worst_case(
    network: nn.Module, images: Images, *, attacks: Sequence[Trial], limit: int | None = None, chunk: int = CHUNK,
    on_progress: OnProgress | None = None,
) -> WorstCase:
    """The worst case of each scan of a list, in this process; `network` is in eval mode and returns logits."""
    plan = plan_worst_case(images, attacks=attacks, limit=limit, chunk=chunk)
    return run_plan(network, images, plan, on_progress=on_progress)


def run_plan(
    network: nn.Module, images: Images, plan: Plan, *, log: Log | None = None, share: tuple[int, int] = (0, 1),
    on_progress: OnProgress | None = None,
) -> WorstCase:
    """Work on the chunks of one process; `share` is its number, from 0, and how many there are.

    Chunks that `log` holds are not done again; each new one is appended to it as soon as it is finished.
    """
    number, of = share
    mine = [each for each in range(len(plan.chunks)) if each % of == number]
    found = {each: rows for each, rows in (log.done if log else {}).items() if each in mine}
    total = sum(len(plan.chunks[each]) for each in mine)
    crafted_on = folded(network)
    for each in mine:
        tell = partial(on_progress or _silent, sum(map(len, found.values())), total)
        tell("")
        if each not in found:
            found[each] = _attack_chunk(network, crafted_on, images, plan, plan.chunks[each], tell=tell)
            if log:
                log.append(each, found[each])
    (on_progress or _silent)(total, total, "")
    return WorstCase(plan=plan, images=tuple(itertools.chain.from_iterable(found[each] for each in sorted(found))))


def _silent(done: int, total: int, note: str) -> None:
    """Tell nobody."""


def _attack_chunk(
    network: nn.Module, crafted_on: nn.Module, images: Images, plan: Plan, chunk: tuple[int, ...], *,
    tell: Callable[[str], None],
) -> tuple[ImageResult, ...]:
    """All attacks on one chunk, budget by budget; `tell` hears of each."""
    device = next(network.parameters()).device
    x, y = (tensor.to(device) for tensor in images.batch(np.array(chunk)))
    clean = _predict(network, x)
    misread = AtBudget(eps=0.0, broken_by=CLEAN, found_at=0.0, step=0, distance=0.0)
    broken = {
        place: replace(misread, prediction=int(clean[place])) for place in (clean != y).nonzero().flatten().tolist()
    }
    rows: list[list[AtBudget]] = [[] for _ in chunk]
    for eps in plan.budgets:
        for number, trial in enumerate(plan.attacks):
            if trial.spec.eps != eps:
                continue
            standing = [
                place for place, position in enumerate(chunk)
                if place not in broken and (position in plan.few or not trial.few)
            ]
            if standing:
                tell(f"{trial.spec.name} on {len(standing)} of {len(chunk)}")
                found = break_images(network, crafted_on, x[standing], y[standing], trial.spec, number=number)
                broken |= {standing[which]: witness for which, witness in found.items()}
        for place, row in enumerate(rows):
            row.append(replace(broken[place], eps=eps) if place in broken else AtBudget(eps=eps))
    return tuple(
        ImageResult(
            position=position, scan_sha256=images.items[position].digest, label=int(y[place]),
            clean_prediction=int(clean[place]), few=position in plan.few, at=tuple(rows[place]),
        )
        for place, position in enumerate(chunk)
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
            eps=spec.eps, broken_by=spec.name, attack=number, found_at=spec.eps, step=int(steps[place]),
            distance=float(distances[place]), prediction=int(predictions[place]),
        )
        for place in (predictions != y).nonzero().flatten().tolist()
    }


def _predict(network: nn.Module, images: Tensor) -> Tensor:
    """Class numbers `(B,)`, from one full-precision forward."""
    with torch.no_grad():
        return logits_of(network, images).argmax(dim=1)
