"""The worst case of each scan: every attack of a set in turn, until one of them breaks it.

Robust accuracy is the share of scans that no attack of the set breaks. The unit of work is a chunk of scans that goes
through all attacks together, those that are broken leaving it. Chunks do not depend on who works on them, so any
number of processes finds the same results, bit for bit (given one number of threads for each process).
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from torch import nn

from meddef_core.attacks import default_spec, get_attack
from meddef_core.data.images import Images
from meddef_core.errors import AttackError
from meddef_core.evaluation.chunk import ChunkAttack
from meddef_core.evaluation.selection import few_of, some_of_each_class
from meddef_core.evaluation.trials import CHUNK, EvaluationPlan, ImageResult, Trial
from meddef_core.model.folded import folded
from meddef_core.text import Text

APGD_STEPS, APGD_RESTARTS = 50, 2
FAB_STEPS, FAB_RESTARTS = 50, 1
SQUARE_QUERIES = 1000
SQUARE_QUERIES_ON_FEW, FEW = 5000, 200
"""Five times the queries break a little more; how much is measured on this many scans, fixed for a list."""

OnProgress = Callable[[int, int, str], None]
"""Told scans done, scans in all, and what is being done."""


def worst_case_attacks(classes: int, *, eps: float, seed: int = 0) -> tuple[Trial, ...]:
    """The worst-case set at one budget (L-infinity, pixel units), cheapest for what it breaks first.

    What AutoAttack is for many classes (Croce and Hein 2020, arXiv:2003.01690) for two and more: its DLR loss is
    undefined below three classes, so the margin takes its place, towards every other class where there are several.
    Square, which costs as much as all others on a scan that stands, starts from the largest budget (`Trial`).
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
    climb_ce, climb_margin, fab, square, long_square = (
        default_spec(name, eps=eps, seed=len(settings) * seed + number, stop_when_fooled=True, **changes)
        for number, (name, changes) in enumerate(settings)
    )
    return (
        *(Trial(spec=spec) for spec in (climb_ce, climb_margin, fab)),
        Trial(spec=square, scans="rest", largest_first=True),
        Trial(spec=long_square, scans="few", largest_first=True),
    )


@dataclass(frozen=True, kw_only=True)
class WorstCase:
    """The plan and what it found, an entry a scan in the order of the list."""

    plan: EvaluationPlan
    images: tuple[ImageResult, ...]


class Log(Protocol):
    """Where finished chunks are kept; see `meddef_core.evaluation.resume`."""

    @property
    def done(self) -> dict[int, tuple[ImageResult, ...]]: ...

    def append(self, number: int, images: tuple[ImageResult, ...]) -> None: ...


def plan_worst_case(
    images: Images, *, attacks: Sequence[Trial], limit: int | None = None, chunk: int = CHUNK
) -> EvaluationPlan:
    """Which scans go through which attacks, at `limit` a fixed choice of them with as many of each class as there are.

    Raises AttackError if the attacks are none, or if one does not fit into a worst case of each scan by itself.
    """
    if not attacks:
        raise AttackError(Text("evaluation.worst-case-none", "a worst case needs at least one attack"))
    _refuse_what_needs_others(attacks)
    if len({get_attack(trial.spec.name).norm for trial in attacks}) > 1:
        raise AttackError(
            Text(
                "evaluation.worst-case-norm",
                "the attacks of a worst case share one epsilon: choose attacks of one norm",
            )
        )
    return EvaluationPlan(
        attacks=tuple(sorted(attacks, key=lambda trial: trial.spec.eps)),
        positions=tuple(range(len(images))) if limit is None else some_of_each_class(images, limit),
        few=frozenset(few_of(images, FEW, salt="few")),
        chunk=chunk,
    )


def plan_each_alone(
    images: Images, *, attacks: Sequence[Trial], limit: int | None = None, few: int = FEW, chunk: int = CHUNK
) -> EvaluationPlan:
    """Every attack by itself on each scan that is read right; `limit` and AttackError as `plan_worst_case`.

    Attacks for few scans get a fixed choice of `few`, with as many of each class as there are.
    """
    _refuse_what_needs_others(attacks)
    positions = tuple(range(len(images))) if limit is None else some_of_each_class(images, limit)
    chosen = frozenset(some_of_each_class(images, min(few, limit or few)))
    return EvaluationPlan(attacks=tuple(attacks), positions=positions, few=chosen, chunk=chunk, alone=True)


def _refuse_what_needs_others(trials: Sequence[Trial]) -> None:
    for trial in trials:
        info = get_attack(trial.spec.name)
        if trial.spec.target is not None or info.batchwise or info.needs_source:
            raise AttackError(
                Text(
                    "evaluation.worst-case-alone",
                    "{title} as asked for does not attack each scan by itself: choose untargeted attacks on "
                    "the network alone",
                    title=info.title,
                )
            )


def run_worst_case(
    network: nn.Module,
    images: Images,
    *,
    attacks: Sequence[Trial],
    limit: int | None = None,
    chunk: int = CHUNK,
    on_progress: OnProgress | None = None,
) -> WorstCase:
    """The worst case of each scan of a list, in this process; `network` is in eval mode and returns logits."""
    plan = plan_worst_case(images, attacks=attacks, limit=limit, chunk=chunk)
    return run_plan(network, images, plan, on_progress=on_progress)


def run_plan(
    network: nn.Module,
    images: Images,
    plan: EvaluationPlan,
    *,
    log: Log | None = None,
    share: tuple[int, int] = (0, 1),
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
            found[each] = ChunkAttack(network, crafted_on, images, plan, plan.chunks[each], tell=tell).run()
            if log:
                log.append(each, found[each])
    (on_progress or _silent)(total, total, "")
    return WorstCase(plan=plan, images=tuple(itertools.chain.from_iterable(found[each] for each in sorted(found))))


def _silent(done: int, total: int, note: str) -> None:
    """Tell nobody."""
