"""What each part of the network adds: variants trained by one recipe, over seeds, attacked on the same scans.

A record grows: the networks that it holds stay in it when their runs are gone, as long as the new ones were trained by
the same recipe and attacked alike.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from meddef_core.attacks import AttackSpec
from meddef_core.data.images import Images
from meddef_core.errors import ModelError
from meddef_core.evaluation.metrics import mcnemar
from meddef_core.evaluation.trials import Trial
from meddef_core.evaluation.worst_case import OnProgress, run_worst_case, worst_case_attacks
from meddef_core.evaluation.worst_case_report import summarise_worst_case
from meddef_core.model import VARIANT_WORDS, VARIANTS, MedDefConfig, parameter_count
from meddef_core.records import FULL_TITLE, AblationRow, plain
from meddef_core.studies.ablation_sentences import (
    FEWER,
    MORE,
    NO_DIFFERENCE,
    ONE_SEED,
    run_of_other_recipe,
    run_of_other_task,
    runs_alike,
    setting_differs,
)
from meddef_core.text import Text
from meddef_core.training.finished import open_run
from meddef_core.zoo import LoadedModel

FULL = "full"

WITHOUT_DAAM = "without_daam"

BEHIND = "_stage"
"""Between a variant's parts and the stage its DAAM stands behind, where that is not the paper's: "full_stage3"."""

PAPER_STAGE = MedDefConfig.daam_after

BESIDE_THE_NETWORK = ("seed", "name", "title", "summary", "validation", "model")
"""Parts of a recipe that trainings to compare may differ in: of `model`, those of `DESIGN` alone."""

DESIGN = ("variant", "daam_after")
"""What makes a variant: the parts that a network has, and the stage that its DAAM stands behind."""

CHANCE = 0.05
"""A p below this is called a difference."""

ATTACKS = 2
"""Attacks of the worst-case set that are run here: both kinds of APGD, which break nearly all that the set breaks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A finished run that takes part. `variant` as `variant_of` names it."""

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
class MeasuredVariant:
    """A network under attack: of which variant, how many parameters it has, and what `measure_trained` found."""

    variant: str
    parameters: int
    numbers: Mapping[str, Any]

    @property
    def place(self) -> tuple[int, int, int]:
        """Where it stands in a record: in the order of the variants and of their seeds."""
        return *_order(self.variant), int(self.numbers["seed"])


def variant_of(model: Mapping[str, Any]) -> str:
    """The name of a variant from the part `model` of a recipe: one of `VARIANTS`, and where its DAAM stands."""
    parts, stage = model["variant"], model.get("daam_after", PAPER_STAGE)
    has_daam = any(VARIANTS[parts].get(part, True) for part in ("afd", "mfe", "msf"))
    return f"{parts}{BEHIND}{stage}" if has_daam and stage != PAPER_STAGE else parts


def parts_of(variant: str) -> str:
    """Which of `VARIANTS` it is, wherever its DAAM stands."""
    return variant.partition(BEHIND)[0]


def _order(variant: str) -> tuple[int, int]:
    parts, _, stage = variant.partition(BEHIND)
    return list(VARIANTS).index(parts), -int(stage or PAPER_STAGE)


def open_trained(runs: Sequence[Path], *, task: str) -> tuple[Trained, ...]:
    """The runs in the order of the variants and of their seeds.

    Raises ModelError for a run without chosen weights, of another task, trained by another recipe than the first, and
    for two of one variant and seed.
    """
    found = [_opened(path) for path in runs]
    for each in found:
        if each.model.task.key != task:
            raise ModelError(run_of_other_task(each.run, each.model.task.key, asked=task))
    twice = [pair for pair, times in Counter((each.variant, each.seed) for each in found).items() if times > 1]
    if twice:
        raise ModelError(runs_alike(*twice[0]))
    for each in found[1:]:
        if other := differs(shared_recipe(found[0].recipe), shared_recipe(each.recipe)):
            raise ModelError(run_of_other_recipe(each.run, found[0].run, other))
    return tuple(sorted(found, key=lambda each: (_order(each.variant), each.seed)))


def _opened(path: Path) -> Trained:
    model = open_run(path)
    recipe = model.card.training["recipe"]
    return Trained(run=path.name, variant=variant_of(recipe["model"]), seed=recipe["seed"], model=model)


def shared_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Of a recipe, what all trainings to compare must have in common."""
    shared = {key: value for key, value in recipe.items() if key not in BESIDE_THE_NETWORK}
    return shared | {"model": {key: value for key, value in recipe["model"].items() if key not in DESIGN}}


def differs(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """The first setting that two `shared_recipe`s differ in, in words; None where they are one."""
    for place, first, second in (("", one, other), ("model.", one["model"], other["model"])):
        for name in sorted({*first, *second} - {"model"}):
            if first.get(name) != second.get(name):
                return setting_differs(f"{place}{name}", second.get(name), first.get(name))
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
) -> MeasuredVariant:
    """One network: shares clean and attacked, with 95% intervals, and whether each scan of the list holds."""
    attacks = [Trial(spec=spec) for spec in specs]
    found = run_worst_case(trained.model.network, images, attacks=attacks, on_progress=on_progress)
    numbers = summarise_worst_case(found, classes=trained.model.task.classes)
    (attacked,) = numbers["attacked"]
    named = {key: value for key, value in attacked.items() if key not in ("attacks", "budget")}
    return MeasuredVariant(
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


def measured_of(row: AblationRow) -> list[MeasuredVariant]:
    """The networks of a record's row."""
    return [MeasuredVariant(variant=row.variant, parameters=row.parameters, numbers=plain(each)) for each in row.seeds]


def summarise(measured: Sequence[MeasuredVariant], *, eps: float, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A row a variant with its seeds, mean and standard deviation; every variant paired with the full network.

    `recipe`, a `shared_recipe`, trained them all; the numbers keep it for networks that join later.
    """
    rows = defaultdict(list)
    for each in sorted(measured, key=lambda each: each.place):
        rows[each.variant].append(each)
    held = {variant: {m.numbers["seed"]: m.numbers["holds"] for m in seeds} for variant, seeds in rows.items()}
    pairs = [_pair(first, second, held) for first, second in _compared(list(rows))]
    return {
        "n": len(measured[0].numbers["holds"]),
        "eps": eps,
        "recipe": dict(recipe),
        "rows": [_row(variant, seeds) for variant, seeds in rows.items()],
        "pairs": pairs,
        "verdict": verdict(pairs, {variant: _title(variant) for variant in rows}),
    }


def _compared(variants: Sequence[str]) -> list[tuple[str, str]]:
    """Which to pair: the first full network with all others, and one whose DAAM stands elsewhere with none at all."""
    full = [variant for variant in variants if parts_of(variant) == FULL]
    others = [(full[0], variant) for variant in variants if variant != full[0]] if full else []
    moved = [(variant, WITHOUT_DAAM) for variant in full[1:] if WITHOUT_DAAM in variants]
    return others + moved


def _row(variant: str, seeds: Sequence[MeasuredVariant]) -> dict[str, Any]:
    return {
        "variant": variant,
        "title": _title(variant),
        "parameters": seeds[0].parameters,
        "seeds": [each.numbers for each in seeds],
    } | {kind: _spread([each.numbers[kind]["balanced_accuracy"] for each in seeds]) for kind in ("clean", "attacked")}


def _title(variant: str) -> str:
    parts, behind, stage = variant.partition(BEHIND)
    place = f"DAAM behind stage {stage}"
    if behind and parts == FULL:
        return place
    words = {FULL: FULL_TITLE, "resnet18": Text("study.resnet-18", "ResNet-18")}.get(parts) or VARIANT_WORDS[parts]
    return f"{words}, {place}" if behind else words


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    """Over the seeds; the deviation of one alone is none."""
    return {
        "mean": statistics.mean(values),
        "standard_deviation": statistics.stdev(values) if len(values) > 1 else None,
    }


def _pair(one: str, other: str, held: Mapping[str, Mapping[int, Sequence[bool]]]) -> dict[str, Any]:
    """Scans that one of two variants holds, seed by seed of those both have; McNemar's test on their sum."""
    seeds = sorted(held[one].keys() & held[other].keys())
    both = [pair for seed in seeds for pair in zip(held[one][seed], held[other][seed], strict=True)]
    first, second = both.count((True, False)), both.count((False, True))
    return {
        "first": one,
        "second": other,
        "seeds": seeds,
        "only_first": first,
        "only_second": second,
        "p": mcnemar(first, second),
    }


def _of_one_seed(pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The variants that pairs of one seed are for want of: the second, unless it has more seeds in other pairs."""
    seeds = defaultdict[str, set[int]](set)
    for pair in pairs:
        for side in ("first", "second"):
            seeds[pair[side]].update(pair["seeds"])
    lone = [pair for pair in pairs if len(pair["seeds"]) == 1]
    return [pair["second"] if len(seeds[pair["second"]]) == 1 else pair["first"] for pair in lone]


def _filled(sentence: str, **values: str) -> str:
    return sentence.format(**values)


def verdict(pairs: Sequence[Mapping[str, Any]], titles: Mapping[str, str], *, say: Callable[..., str] = _filled) -> str:
    """What the comparison shows, in a few sentences; nothing where nothing is compared.

    `titles` names the variants; `say` fills one of `VERDICTS`, in the reader's language if it knows that.
    """
    compared = [pair for pair in pairs if pair["seeds"]]
    if not compared:
        return ""
    told = [pair for pair in compared if pair["p"] < CHANCE]
    said = []
    for first in dict.fromkeys(pair["first"] for pair in told):
        for sentence, better in ((MORE, True), (FEWER, False)):
            seconds = [
                titles[pair["second"]]
                for pair in told
                if pair["first"] == first and (pair["only_first"] > pair["only_second"]) == better
            ]
            if seconds:
                said.append(say(sentence, network=titles[first], others="; ".join(seconds)))
    if not said:
        said.append(say(NO_DIFFERENCE))
    single = dict.fromkeys(titles[variant] for variant in _of_one_seed(compared))
    if single:
        said.append(say(ONE_SEED, variants="; ".join(single)))
    return " ".join(said)
