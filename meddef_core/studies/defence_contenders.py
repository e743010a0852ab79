"""Who takes part in a comparison: baselines around an undefended model, other models of the zoo, finished runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from meddef_core.baselines.baseline import Baseline
from meddef_core.baselines.defended import adaptive
from meddef_core.baselines.registry import BASELINES, get_baseline
from meddef_core.errors import ModelError
from meddef_core.model.folded import folded
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.studies.defences import Contender
from meddef_core.text import Text
from meddef_core.training.finished import network_of, read_run, titled
from meddef_core.zoo import LoadedModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Entrant:
    """A trained network on its own, from the zoo or from a run."""

    id: str
    title: str
    summary: str
    task: str
    protocol: str
    objective: str | None
    """What it was trained to minimise, where that is known: a `Kind` of `meddef_core.training.objectives`."""
    weights: str
    preprocessing: Preprocessing
    network: nn.Module
    fast: nn.Module
    """A copy that attacks run faster on; the same function up to rounding."""


def entrant_of_model(model: LoadedModel) -> Entrant:
    """A model of the zoo."""
    card = model.card
    return Entrant(
        id=card.key,
        title=card.title,
        summary=card.summary,
        task=card.task,
        protocol=str(card.data.get("protocol", "official")),
        objective=card.objective,
        weights=card.weights.sha256,
        preprocessing=model.preprocessing,
        network=model.network,
        fast=folded(model.network),
    )


def entrant_of_run(run_dir: Path) -> Entrant:
    """The best weights of a run, as they would be shipped; raises ModelError where there are none."""
    chosen = read_run(run_dir)
    recipe = chosen.recipe
    network = network_of(recipe, chosen.state)
    title, summary = titled(recipe)
    return Entrant(
        id=run_dir.name,
        title=title,
        summary=summary,
        task=recipe.task,
        protocol=recipe.protocol,
        objective=recipe.objective.kind,
        weights=chosen.sha256,
        preprocessing=recipe.preprocessing_of_task(),
        network=network,
        fast=folded(network),
    )


def contenders(
    reference: Entrant, others: Sequence[Entrant] = (), *, names: Sequence[str] | None = None
) -> tuple[Contender, ...]:
    """The undefended `reference`, the baselines around it (`names`, or all that can be built), and the others.

    An ensemble is made of the reference and all others that were trained on clean scans. The images that ignore a
    baseline or another network are made on the reference; a distilled network is its own reference, whose saturated
    softmax is what is ignored. Raises ModelError for an unknown name, for an ensemble asked for by name without a
    second member, for networks of another task or protocol, whose test patients the others may have seen, and for
    networks with other preprocessing, for which an image made on the reference is not an input.
    """
    for other in others:
        if (other.task, other.protocol) != (reference.task, reference.protocol):
            raise ModelError(
                Text(
                    "studies.defences-other-task",
                    "{other} was trained on {other_task} ({other_protocol}) and {reference} on {task} "
                    "({protocol}); compare networks of one task and protocol.",
                    other=other.id,
                    other_task=other.task,
                    other_protocol=other.protocol,
                    reference=reference.id,
                    task=reference.task,
                    protocol=reference.protocol,
                )
            )
        if other.preprocessing != reference.preprocessing:
            raise ModelError(
                Text(
                    "studies.defences-other-preprocessing",
                    "{other} and {reference} preprocess scans differently, so one cannot be given an image that "
                    "was made on the other; compare networks with the same preprocessing.",
                    other=other.id,
                    reference=reference.id,
                )
            )
    members = [other for other in others if other.objective == "clean"]
    chosen = [get_baseline(name) for name in names] if names is not None else _possible(members)
    defended = [_defended(baseline, reference, members if baseline.of_several else []) for baseline in chosen]
    return (_alone(reference, reference), *defended, *(_alone(other, reference) for other in others))


def _possible(members: Sequence[Entrant]) -> list[Baseline]:
    return [baseline for baseline in BASELINES.values() if members or not baseline.of_several]


def _defended(baseline: Baseline, reference: Entrant, members: Sequence[Entrant]) -> Contender:
    return Contender(
        id=f"{reference.id}+{baseline.name}",
        title=baseline.title,
        summary=baseline.one_line,
        citation=baseline.citation,
        weights=(reference.weights, *(member.weights for member in members)),
        network=baseline.build(reference.network, *(member.network for member in members)),
        ignored=reference.fast,
        adaptive=adaptive(baseline.build(reference.fast, *(member.fast for member in members))),
        randomised=baseline.randomised,
    )


def _alone(entrant: Entrant, reference: Entrant) -> Contender:
    distilled = entrant.objective == "distill"
    return Contender(
        id=entrant.id,
        title=entrant.title,
        summary=entrant.summary,
        citation=None,
        weights=(entrant.weights,),
        network=entrant.network,
        ignored=entrant.fast if distilled else reference.fast,
        adaptive=entrant.fast,
        saturated=distilled,
    )
