"""Defended networks as sides to compare with MedDef: `oct/undefended+jpeg` is a baseline around a model of the zoo."""

from collections.abc import Sequence
from dataclasses import dataclass

from meddef_core.baselines.baseline import Baseline
from meddef_core.baselines.defended import adaptive
from meddef_core.baselines.registry import BASELINES, get_baseline
from meddef_core.errors import ModelError
from meddef_core.text import Text
from meddef_core.zoo import Card, LoadedModel, load_model, loadable_models

UNDEFENDED = "undefended"
"""Name of the model that the baselines are put around."""


@dataclass(frozen=True)
class OfferedBaseline:
    """A defended network that a page can offer."""

    id: str
    """`<task>/<model>+<baseline>`."""
    title: str
    summary: str


def side_choices(task: str) -> tuple[OfferedBaseline, ...]:
    """Every baseline around the task's undefended model, in registry order; none without such a model.

    Left out are randomised baselines, whose reading of one scan would change from call to call, and baselines of
    several networks where the zoo has too few clean-trained ones.
    """
    cards = loadable_models()
    card = next((card for card in cards if card.key == f"{task}/{UNDEFENDED}"), None)
    if card is None:
        return ()
    return tuple(
        _side(card, baseline)
        for baseline in BASELINES.values()
        if not baseline.randomised and (not baseline.of_several or partners(card.key, cards))
    )


def load_side(side_id: str, *, at_site: bool = True) -> LoadedModel:
    """Load `<task>/<model>+<baseline>`: the model's card under the side's name, and the defended network.

    The network is the view of an adaptive attacker, whose values are exactly the defence's. It is no `MedDef`, so it
    has no explanation maps. Each call makes a new one. Raises ModelError for an id that names no side.
    Without `at_site` the models are as they ship.
    """
    key, plus, name = side_id.partition("+")
    if not plus:
        raise ModelError(
            Text(
                "baseline.no-side",
                "There is no side {side}; write a model and a baseline, such as oct/undefended+jpeg.",
                side=repr(side_id),
            )
        )
    baseline = get_baseline(name)
    if baseline.randomised:
        raise ModelError(
            Text(
                "baseline.random-answers",
                "{title} answers differently at each call, so it is no side; choose another.",
                title=baseline.title,
            )
        )
    model = load_model(key, at_site=at_site)
    beside = partners(key, loadable_models()) if baseline.of_several else ()
    others = [load_model(other, at_site=at_site).network for other in beside]
    defended = adaptive(baseline.build(model.network, *others))
    side = _side(model.card, baseline)
    # The numbers on the card were measured without the defence.
    card = model.card.model_copy(
        update={"name": f"{model.card.name}+{name}", "title": side.title, "summary": side.summary, "metrics": {}}
    )
    return LoadedModel(card, defended, model.task, model.preprocessing, site=model.site)


def partners(key: str, cards: Sequence[Card]) -> tuple[str, ...]:
    """Keys of the other clean-trained models of a model's task: what it can form an ensemble with.

    All members are given one image, so they must prepare scans alike.
    """
    own = next((card for card in cards if card.key == key), None)
    if own is None:
        return ()
    return tuple(
        card.key
        for card in cards
        if card.task == own.task
        and card.key != key
        and card.objective == "clean"
        and card.preprocessing == own.preprocessing
    )


def _side(card: Card, baseline: Baseline) -> OfferedBaseline:
    return OfferedBaseline(f"{card.key}+{baseline.name}", f"{card.title} + {baseline.title}", baseline.one_line)
