"""Live computations of the lessons: samples only, never an upload. Call each inside `turn`."""

from dataclasses import replace

import streamlit as st

from dashboard.services.attacks import attack, checked
from dashboard.services.lessons.quiz import QuizQuestion
from dashboard.services.models import cards, models, samples, tasks
from dashboard.services.reading import reading_of_scan
from dashboard.services.results.common import AttackChoice, AttackOutcome, ModelChoice, Reading
from dashboard.services.results.teaching import (
    CardMeasurement,
    ProbabilityCurve,
    QuizPair,
    Rival,
    TrainingSummary,
    card_number,
)
from meddef_core.attacks import ATTACKS
from meddef_core.data.samples import Sample
from meddef_core.errors import DataError, ModelError
from meddef_core.records import Accuracy, DamagedRecord, figures_of
from meddef_core.text import Text

BUDGETS = tuple(k / 255 for k in (0, 0.5, 1, 2, 4, 8, 16))
"""Epsilons of a lesson's curve."""

STEPS = 10
"""Steps of an iterative attack where a lesson does not say: about a second a model on one thread."""

QUERIES = 150
"""Questions that the black-box attack of a lesson may ask: few, so that a class need not wait."""


def find_sample(key: str) -> Sample:
    """The sample of that key, of any task; raises DataError where this server has none."""
    for task in tasks():
        for sample in samples(task):
            if sample.key == key:
                return sample
    raise DataError(Text("teaching.server-no", "This server has no sample {key}; choose another scan.", key=repr(key)))


def named(task: str, names: tuple[str, ...]) -> tuple[ModelChoice, ...]:
    """The task's models of those names, in that order; raises ModelError naming the one that is missing."""
    here = {choice.id.rpartition("/")[2]: choice for choice in models(task)}
    missing = [name for name in names if name not in here]
    if missing:
        raise ModelError(
            Text(
                "classroom.server-no",
                "This server has no model {name} for this kind of scan; restore assets/models.",
                name=repr(missing[0]),
            )
        )
    return tuple(here[name] for name in names)


@st.cache_data(scope="session", max_entries=32, show_spinner=False)
def reading(model: ModelChoice, sample: str) -> Reading:
    """The model's output for a sample, of whatever kind of scan: a model reads anything."""
    return reading_of_scan(model, find_sample(sample).load())


@st.cache_data(scope="session", max_entries=24, show_spinner=False)
def outcome(
    model: ModelChoice, sample: str, *, name: str, eps: float, steps: int | None = None, source: str | None = None
) -> AttackOutcome:
    """One attack of the registry on a sample, and noise of the same size; without the pictures in between."""
    task = model.id.partition("/")[0]
    work = steps or (STEPS if ATTACKS[name].iterative else None)
    spec, maker = checked(AttackChoice(attack=name, eps=eps, steps=work, source=source), task)
    found = attack(reading(model, sample), spec, lambda what, step, total: None, source=maker)
    return replace(found, attacked=replace(found.attacked, iterates=None))


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def curve(model: ModelChoice, sample: str, *, name: str, steps: int | None = None) -> ProbabilityCurve:
    """The model attacked at every one of `BUDGETS`."""
    clean = reading(model, sample)
    at = clean.classes.index(clean.label)
    read = [clean]
    for eps in BUDGETS[1:]:
        read.append(outcome(model, sample, name=name, eps=eps, steps=steps).attacked.reading)
    return ProbabilityCurve(
        model, clean.label, BUDGETS, tuple(r.shares[at] for r in read), tuple(r.label for r in read)
    )


def rivals(model: ModelChoice, sample: str, *, eps: float) -> tuple[Rival, ...]:
    """The same budget in four hands, from one that knows everything to one that knows nothing."""
    own = outcome(model, sample, name="pgd", eps=eps)
    others = [other for other in models(model.id.partition("/")[0]) if other.id != model.id]
    found = [_rival("pgd", own)]
    if others:
        found.append(_rival("transfer", outcome(model, sample, name="transfer", eps=eps, source=others[-1].id)))
    found.append(_rival("square", outcome(model, sample, name="square", eps=eps, steps=QUERIES)))
    found.append(_rival("noise", replace(own, attacked=own.noise)))
    return tuple(found)


def _rival(name: str, found: AttackOutcome) -> Rival:
    info = ATTACKS[name]
    return Rival(info.title, info.threat, info.one_line, found)


def quiz_pair(model: ModelChoice, item: QuizQuestion, *, eps: float) -> QuizPair:
    """The two pictures of a quiz item: the model's PGD picture, and the clean or the noisy scan beside it."""
    found = outcome(model, item.sample, name="pgd", eps=eps)
    sides = [("attacked", found.attacked.reading)]
    sides.insert(1 - item.answer, (item.beside, found.clean if item.beside == "clean" else found.noise.reading))
    (first, left), (second, right) = sides
    return QuizPair((left.picture, right.picture), (first, second), found.clean, (left, right), found.attacked.linf)


def recipe(model: ModelChoice) -> TrainingSummary:
    """How the model was trained, as its card says."""
    training, data = next((card.training, card.data) for card in cards() if card.key == model.id)
    objective = card_number(training, "recipe", "objective", "kind")
    eps = card_number(training, "recipe", "objective", "eps")
    return TrainingSummary(
        model,
        "unknown" if objective is None else str(objective),
        None if eps is None or objective == "clean" else float(eps),
        card_number(training, "recipe", "epochs"),
        card_number(data, "lists", "train", "scans"),
    )


def measured(model: ModelChoice) -> tuple[CardMeasurement, ...]:
    """What the model's card records of its test list: the clean list, then the lowest accuracy at each budget.

    Attacks of other norms are left out, whose budgets have no place on this axis; empty where nothing was measured.
    """
    metrics = next(card.metrics for card in cards() if card.key == model.id)
    try:
        figures = figures_of(metrics)
    except DamagedRecord:
        return ()
    lowest: dict[float, tuple[str, Accuracy]] = {0.0: ("", figures.clean)}
    for row in figures.attacked:
        name = row.spec.name
        if name not in ATTACKS or ATTACKS[name].norm != "linf":
            continue
        held = lowest.get(row.eps)
        if held is None or row.balanced_accuracy < held[1].balanced_accuracy:
            lowest[row.eps] = (ATTACKS[name].title, row)
    return tuple(
        CardMeasurement(model, title, eps, share.balanced_accuracy, share.balanced_interval, figures.n)
        for eps, (title, share) in sorted(lowest.items())
    )


def weights_of(model: ModelChoice) -> str:
    """Hash of the model's weights, for a record."""
    return next(card.weights.sha256 for card in cards() if card.key == model.id)


def forget() -> None:
    """Forget what this session's lessons computed."""
    for computed in (reading, outcome, curve):
        computed.clear()
