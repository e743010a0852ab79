"""The pictures and the table of a lesson's step, computed when they are asked for: for the projector and the handout.

Captions come twice: `before` gives nothing away, `after` says what the models predict. The table stands with `after`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard.classroom.words import Translator, output_words
from dashboard.services import classroom as computed
from dashboard.services import teaching, teaching_broken
from dashboard.services.drawing import Rgb
from dashboard.services.lessons.model import StepState
from dashboard.services.reported import reported_table
from dashboard.services.results.common import AttackOutcome, Picture, Reading
from dashboard.services.results.teaching import CardMeasurement
from dashboard.services.words import counted, format_eps, grey_steps, percent

MOST_MODELS = 2
"""Of a step's models, those whose pictures are drawn: more would be too small on a projector."""

SWEPT = (2 / 255, 8 / 255, 16 / 255)
"""Epsilons of a curve that are shown as pictures."""

QUERIES = 150
RIVALS = ("pgd", "square", "noise")


@dataclass(frozen=True, eq=False)
class HandoutPicture:
    """One picture: grey `(h, w)` in [0, 1] or RGB."""

    pixels: Picture | Rgb
    before: str
    after: str


@dataclass(frozen=True, eq=False)
class Figures:
    """What a step shows. `table` has its head first; empty where there is none."""

    pictures: tuple[HandoutPicture, ...]
    table: tuple[tuple[str, ...], ...] = ()


def figures(state: StepState, tr: Translator) -> Figures:
    """Everything that the step's card would show; raises MedDefError in one sentence."""
    views: dict[str, Callable[[StepState, Translator], Figures]] = {
        "scan": _scan,
        "reading": _predictions,
        "foreign": _predictions,
        "maps": _maps,
        "attack": _attack,
        "controls": _controls,
        "sweep": _sweep,
        "training": _training,
        "records": _records,
        "reported": _reported,
        "broken": _broken,
        "pruning": _pruning,
    }
    return views[state.view](state, tr)


def _clean(state: StepState) -> list[Reading]:
    models = teaching.named(state.task, state.models)[:MOST_MODELS]
    return [computed.prediction(model, state.sample) for model in models]


def _said(reading: Reading, tr: Translator) -> str:
    task = reading.model.id.partition("/")[0]
    return output_words(tr, task, reading)


def _scan(state: StepState, tr: Translator) -> Figures:
    (reading, *_) = _clean(state)
    square = reading.picture[96:128, 96:128].repeat(7, axis=0).repeat(7, axis=1)
    scan, part = (
        tr("teach.scan-model", "The scan as the model sees it"),
        tr("classroom.small-square", "A small square from its middle, enlarged"),
    )
    return Figures((HandoutPicture(reading.picture, scan, scan), HandoutPicture(square, part, part)))


def _predictions(state: StepState, tr: Translator) -> Figures:
    found = _clean(state)
    scan = tr("teach.scan-model", "The scan as the model sees it")
    head = (tr("diagnose.model", "Model"), tr("classroom.prediction", "Prediction"))
    rows = [(tr(reading.model.title), _said(reading, tr)) for reading in found]
    return Figures((HandoutPicture(found[0].picture, scan, scan),), (head, *rows))


def _maps(state: StepState, tr: Translator) -> Figures:
    (reading, *_) = _clean(state)
    (drawn,) = computed.maps(reading, (reading.picture,))
    scan, over = (
        tr("attention.scan-alone", "The scan alone"),
        tr("classroom.what-moved", "What moved this output; it does not show where disease is"),
    )
    overlay = HandoutPicture(drawn, over, f"{over}. {_said(reading, tr)}")
    return Figures((HandoutPicture(reading.picture, scan, scan), overlay))


def _attack(state: StepState, tr: Translator) -> Figures:
    eps = state.eps or 0.0
    found = [
        computed.attacked(clean, name=state.attack or "pgd", eps=eps, steps=state.steps or computed.STEPS)
        for clean in _clean(state)
    ]
    pictures = [figure for outcome in found for figure in _triple(outcome, tr)]
    head = (
        tr("diagnose.model", "Model"),
        tr("lab.clean", "Clean"),
        tr("lab.attacked", "Attacked"),
        tr("classroom.random-noise", "Random noise of the same size"),
    )
    rows = [
        (
            tr(each.clean.model.title),
            *(_said(reading, tr) for reading in (each.clean, each.attacked.reading, each.noise.reading)),
        )
        for each in found
    ]
    return Figures(tuple(pictures), (head, *rows))


def _triple(outcome: AttackOutcome, tr: Translator) -> tuple[HandoutPicture, ...]:
    """Clean, attacked, and what was added."""
    title, after = tr(outcome.clean.model.title), outcome.attacked.reading
    return (
        HandoutPicture(
            outcome.clean.picture, f"{title}: A", f"{title}, {tr('lab.clean-2', 'clean')}: {_said(outcome.clean, tr)}"
        ),
        HandoutPicture(
            after.picture, f"{title}: B", f"{title}, {tr('lab.attacked-2', 'attacked')}: {_said(after, tr)}"
        ),
        _added(outcome, tr("classroom.b-minus", "B minus A, amplified"), tr),
    )


def _added(outcome: AttackOutcome, before: str, tr: Translator) -> HandoutPicture:
    found = outcome.attacked
    drawn = computed.difference(outcome.clean.picture, found.reading.picture, eps=found.linf)
    measured = tr(
        "classroom.largest-change", "Largest change of a pixel, measured: {linf}", linf=grey_steps(found.linf)
    )
    return HandoutPicture(drawn, before, f"{before}. {measured}")


def _controls(state: StepState, tr: Translator) -> Figures:
    (clean, *_) = _clean(state)
    eps = state.eps or 0.0
    pictures: list[HandoutPicture] = []
    rows: list[tuple[str, ...]] = []
    for place, name in enumerate(RIVALS):
        if name == "noise":
            outcome = computed.attacked(clean, name="fgsm", eps=eps)
            title, after = tr("classroom.random-noise", "Random noise of the same size"), outcome.noise
        else:
            steps = QUERIES if name == "square" else computed.STEPS
            outcome = computed.attacked(clean, name=name, eps=eps, steps=steps)
            title, after = tr(outcome.attacked.title), outcome.attacked
        drawn = computed.difference(clean.picture, after.reading.picture, eps=after.linf)
        pictures.append(HandoutPicture(drawn, "ABC"[place], f"{title}: {_said(after.reading, tr)}"))
        rows.append((title, _said(after.reading, tr)))
    head = (tr("classroom.added-scan", "Added to the scan"), tr("classroom.prediction", "Prediction"))
    return Figures(tuple(pictures), (head, (tr("classroom.nothing", "Nothing"), _said(clean, tr)), *rows))


def _sweep(state: StepState, tr: Translator) -> Figures:
    pictures: list[HandoutPicture] = []
    rows: list[tuple[str, ...]] = []
    for clean in _clean(state):
        title, said = tr(clean.model.title), [_said(clean, tr)]
        for eps in SWEPT:
            found = computed.attacked(clean, name=state.attack or "fgsm", eps=eps, steps=state.steps or computed.STEPS)
            said.append(_said(found.attacked.reading, tr))
            caption = f"{title}, {format_eps(eps)}"
            pictures.append(HandoutPicture(found.attacked.reading.picture, caption, f"{caption}: {said[-1]}"))
        rows.append((title, *said))
    head = (tr("diagnose.model", "Model"), "0", *(format_eps(eps) for eps in SWEPT))
    return Figures(tuple(pictures), (head, *rows))


def _training(state: StepState, tr: Translator) -> Figures:
    recipes = [teaching.recipe(model) for model in teaching.named(state.task, state.models)]
    head = (
        tr("diagnose.model", "Model"),
        tr("teach.trained", "Trained on"),
        tr("classroom.attack-strength", "Attack strength in training"),
    )
    rows = [
        (
            tr(each.model.title),
            tr("about.clean-scans", "clean scans only")
            if each.eps is None
            else tr("teach.attacked-scans", "attacked scans ({kind})", kind=each.objective),
            "0" if each.eps is None else format_eps(each.eps),
        )
        for each in recipes
    ]
    strong = next((each for each in recipes if each.eps is not None), None)
    if strong is None:
        return Figures((), (head, *rows))
    outcome = computed.attacked(computed.prediction(strong.model, state.sample), name="fgsm", eps=strong.eps or 0.0)
    return Figures(_triple(outcome, tr), (head, *rows))


def _records(state: StepState, tr: Translator) -> Figures:
    """A row a budget and a column a model: so all fits on one screen of a projector."""
    everything = (teaching.measured(model) for model in teaching.named(state.task, state.models))
    measured = [series for series in everything if series]
    if not measured:
        return Figures((), ())
    by_eps = [{row.eps: row for row in series} for series in measured]
    head = (
        "ε",
        tr("lab.attack", "Attack"),
        *(
            tr(
                "classroom.model-balanced",
                "{model}: balanced accuracy (95% interval)",
                model=tr(series[0].model.title),
            )
            for series in measured
        ),
    )
    rows: list[tuple[str, ...]] = []
    for eps in sorted({eps for known in by_eps for eps in known}):
        here = [known.get(eps) for known in by_eps]
        attacks = dict.fromkeys(row.attack for row in here if row is not None)
        rows.append(
            (
                "0" if eps == 0 else format_eps(eps),
                ", ".join(tr(name) if name else tr("lab.clean", "Clean") for name in attacks),
                *("–" if row is None else _with_interval(row) for row in here),
            )
        )
    return Figures((), (head, *rows))


def _with_interval(row: CardMeasurement) -> str:
    low, high = (percent(end).removesuffix("%") for end in row.interval)
    return f"{counted(row.balanced_accuracy)} ({low}–{high})"


def _reported(state: StepState, tr: Translator) -> Figures:
    return Figures((), reported_table(state.task, tr))


def _broken(state: StepState, tr: Translator) -> Figures:
    (clean, *_) = _clean(state)
    found = teaching_broken.broken_for(clean, defence=state.defence or "quantiser", eps=state.eps or 0.0)
    sides = (
        (tr("lab.clean", "Clean"), found.clean),
        (tr("classroom.non-adaptive", "Non-adaptive attack"), found.naive.reading),
        (tr("classroom.adaptive-attack", "Adaptive attack"), found.adaptive.reading),
    )
    pictures = [
        HandoutPicture(reading.picture, title, f"{title}: {_said_as(state, reading, tr)}") for title, reading in sides
    ]
    rows = [(title, _said_as(state, reading, tr)) for title, reading in sides]
    return Figures(tuple(pictures), ((tr("lab.scan", "Scan"), tr(found.title)), *rows))


def _pruning(state: StepState, tr: Translator) -> Figures:
    (before, *_) = _clean(state)
    found = teaching_broken.thinned_for(before, sparsity=state.sparsity or 0.0, eps=state.eps or 0.0)
    sides: Sequence[tuple[str, Reading]] = (
        (tr("classroom.shipped-clean", "As shipped, clean"), found.before),
        (tr("classroom.pruned-clean", "Pruned, clean"), found.clean),
        (tr("classroom.pruned-attacked", "Pruned, attacked"), found.attacked.reading),
    )
    pictures = [HandoutPicture(reading.picture, title, f"{title}: {_said(reading, tr)}") for title, reading in sides]
    return Figures(
        tuple(pictures),
        (
            (tr("diagnose.model", "Model"), tr("classroom.prediction", "Prediction")),
            *((t, _said(r, tr)) for t, r in sides),
        ),
    )


def _said_as(state: StepState, reading: Reading, tr: Translator) -> str:
    """As `_said`, for a model whose id is that of a defence around another."""
    return output_words(tr, state.task, reading)
