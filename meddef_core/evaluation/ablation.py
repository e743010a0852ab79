"""What each part of the network adds: variants trained by one recipe, over seeds, attacked on the same scans.

A record grows: the networks that it holds stay in it when their runs are gone, as long as the new ones were trained by
the same recipe and attacked alike.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from meddef_core.attacks import AttackSpec, format_eps
from meddef_core.data.images import Images
from meddef_core.errors import ModelError
from meddef_core.evaluation.metrics import mcnemar
from meddef_core.evaluation.trials import Trial
from meddef_core.evaluation.worst_case import OnProgress, run_worst_case, worst_case_attacks
from meddef_core.evaluation.worst_case_report import summarise_worst_case
from meddef_core.model import VARIANT_WORDS, VARIANTS, parameter_count
from meddef_core.publish import open_run
from meddef_core.record import plain
from meddef_core.zoo import LoadedModel

FULL = "full"

BESIDE_THE_NETWORK = ("seed", "name", "title", "summary", "validation", "model")
"""Parts of a recipe that trainings to compare may differ in: of `model`, the variant alone."""

CHANCE = 0.05
"""A p below this is called a difference."""

ATTACKS = 2
"""Attacks of the worst-case set that are run here: both kinds of APGD, which break nearly all that the set breaks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A finished run that takes part."""

    run: str
    variant: str
    seed: int
    model: LoadedModel

    @property
    def recipe(self) -> dict[str, Any]:
        """What it was trained by, as a card holds it."""
        recipe: dict[str, Any] = self.model.card.training["recipe"]
        return recipe

    @property
    def weights(self) -> str:
        """The hash of its weights."""
        return self.model.card.weights.sha256


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A network under attack: of which variant, how many parameters it has, and what `measure_trained` found."""

    variant: str
    parameters: int
    numbers: Mapping[str, Any]

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in a record: in the order of the variants and of their seeds."""
        return list(VARIANTS).index(self.variant), int(self.numbers["seed"])


def open_trained(runs: Sequence[Path], *, task: str) -> tuple[Trained, ...]:
    """The runs in the order of the variants and of their seeds.

    Raises ModelError for a run without chosen weights, of another task, trained by another recipe than the first, and
    for two of one variant and seed.
    """
    found = [_opened(path) for path in runs]
    for each in found:
        if each.model.task.key != task:
            raise ModelError(
                f"The run {each.run} was trained on {each.model.task.key} scans, not {task}; leave it out."
            )
    twice = [pair for pair, times in Counter((each.variant, each.seed) for each in found).items() if times > 1]
    if twice:
        raise ModelError(
            f"Two runs are of the variant {twice[0][0]} and the seed {twice[0][1]}; leave one of them out."
        )
    for each in found[1:]:
        if other := differs(shared_recipe(found[0].recipe), shared_recipe(each.recipe)):
            raise ModelError(f"{each.run} was trained by another recipe than {found[0].run}: {other}; leave it out.")
    order = list(VARIANTS)
    return tuple(sorted(found, key=lambda each: (order.index(each.variant), each.seed)))


def _opened(path: Path) -> Trained:
    model = open_run(path)
    recipe = model.card.training["recipe"]
    return Trained(run=path.name, variant=recipe["model"]["variant"], seed=recipe["seed"], model=model)


def shared_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Of a recipe, what all trainings to compare must have in common."""
    shared = {key: value for key, value in recipe.items() if key not in BESIDE_THE_NETWORK}
    return shared | {"model": {key: value for key, value in recipe["model"].items() if key != "variant"}}


def differs(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """The first setting that two `shared_recipe`s differ in, in words; None where they are one."""
    for place, first, second in (("", one, other), ("model.", one["model"], other["model"])):
        for name in sorted({*first, *second} - {"model"}):
            if first.get(name) != second.get(name):
                return f"{place}{name} is {second.get(name)}, not {first.get(name)}"
    return None


def ablation_attacks(classes: int, *, eps: float, restarts: int, seed: int = 0) -> tuple[AttackSpec, ...]:
    """APGD on the cross-entropy, and on the margin towards every other class as in the worst-case set."""
    return tuple(
        replace(trial.spec, restarts=restarts) for trial in worst_case_attacks(classes, eps=eps, seed=seed)[:ATTACKS]
    )


def measure_trained(
    trained: Trained,
    images: Images,
    specs: Sequence[AttackSpec],
    *,
    on_progress: OnProgress | None = None,
) -> Measured:
    """One network: shares clean and attacked, with 95 % intervals, and whether each scan of the list holds."""
    attacks = [Trial(spec=spec) for spec in specs]
    found = run_worst_case(trained.model.network, images, attacks=attacks, on_progress=on_progress)
    numbers = summarise_worst_case(found, classes=trained.model.task.classes)
    (attacked,) = numbers["attacked"]
    named = {key: value for key, value in attacked.items() if key not in ("attacks", "budget")}
    return Measured(
        variant=trained.variant,
        parameters=parameter_count(trained.model.network),
        numbers=plain(
            {
                "seed": trained.seed,
                "run": trained.run,
                "weights_sha256": trained.weights,
                "clean": numbers["clean"],
                "attacked": named | {"spec": specs[-1], "n": len(images)},
                "holds": [image.broken_by is None for image in found.images],
            }
        ),
    )


def measured_of(row: Mapping[str, Any]) -> list[Measured]:
    """The networks of a record's row."""
    return [Measured(variant=row["variant"], parameters=row["parameters"], numbers=each) for each in row["seeds"]]


def summarise(measured: Sequence[Measured], *, eps: float, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A row a variant with its seeds, mean and standard deviation; every variant paired with the full network.

    `recipe`, a `shared_recipe`, trained them all; the numbers keep it for networks that join later.
    """
    rows = defaultdict(list)
    for each in sorted(measured, key=lambda each: each.place):
        rows[each.variant].append(each)
    held = {variant: {m.numbers["seed"]: m.numbers["holds"] for m in seeds} for variant, seeds in rows.items()}
    pairs = [_pair(variant, held) for variant in rows if variant != FULL] if FULL in rows else []
    return {
        "n": len(measured[0].numbers["holds"]),
        "eps": format_eps(eps),
        "recipe": dict(recipe),
        "rows": [_row(variant, seeds) for variant, seeds in rows.items()],
        "pairs": pairs,
        "verdict": verdict(pairs),
    }


def _row(variant: str, seeds: Sequence[Measured]) -> dict[str, Any]:
    return {
        "variant": variant,
        "title": _title(variant),
        "parameters": seeds[0].parameters,
        "seeds": [each.numbers for each in seeds],
    } | {kind: _spread([each.numbers[kind]["balanced_accuracy"] for each in seeds]) for kind in ("clean", "attacked")}


def _title(variant: str) -> str:
    return {FULL: "MedDef", "resnet18": "ResNet-18"}.get(variant) or VARIANT_WORDS.get(variant, variant)


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    """Over the seeds; the deviation of one alone is none."""
    return {
        "mean": statistics.mean(values),
        "standard_deviation": statistics.stdev(values) if len(values) > 1 else None,
    }


def _pair(variant: str, held: Mapping[str, Mapping[int, Sequence[bool]]]) -> dict[str, Any]:
    """Scans that one of two variants holds, seed by seed of those both have; McNemar's test on their sum."""
    seeds = sorted(held[FULL].keys() & held[variant].keys())
    both = [pair for seed in seeds for pair in zip(held[FULL][seed], held[variant][seed], strict=True)]
    first, second = both.count((True, False)), both.count((False, True))
    return {
        "first": FULL,
        "second": variant,
        "seeds": seeds,
        "only_first": first,
        "only_second": second,
        "p": mcnemar(first, second),
    }


def verdict(pairs: Sequence[Mapping[str, Any]]) -> str:
    """What the comparison shows, in one or two sentences; nothing where nothing is compared."""
    compared = [pair for pair in pairs if pair["seeds"]]
    if not compared:
        return ""
    better, worse = (
        [
            _title(pair["second"]).replace("without", "the one without")
            for pair in compared
            if pair["p"] < CHANCE and (pair["only_first"] > pair["only_second"]) == first
        ]
        for first in (True, False)
    )
    said = []
    if better:
        said.append(f"The full network holds more scans than {', '.join(better)}.")
    if worse:
        said.append(f"The full network holds fewer scans than {', '.join(worse)}.")
    if not said:
        said.append("No part of the network makes a difference under attack that chance does not explain.")
    single = [_title(pair["second"]) for pair in compared if len(pair["seeds"]) == 1]
    if single:
        of = "" if len(single) == len(compared) else f" ({', '.join(single)})"
        said.append(f"One seed{of} says nothing about training: another could turn this round.")
    return " ".join(said)
