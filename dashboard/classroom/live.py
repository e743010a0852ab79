"""Questions that the server makes during the class: a real attack is computed for each, on a sample drawn by a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.classroom.errors import ClassroomError
from dashboard.classroom.questions import Draft, QuestionPicture
from dashboard.classroom.words import Translator, class_words, output_words
from dashboard.services import classroom as computed
from dashboard.services import shared as services
from dashboard.services.drawing import Rgb
from dashboard.services.lessons.quiz import LENGTHS, QuizQuestion, RoundSettings, items
from dashboard.services.results.common import AttackOutcome, ModelChoice, Picture, Reading
from dashboard.services.tasks import TASKS
from dashboard.services.words import Text, format_eps

LIVE = ("scan", "map", "model")
ATTACKED = "undefended"
"""Model that the questions are about: the attack must change something."""

DEFENDED = "meddef"
"""Model whose maps are shown: it has attention of its own."""


@dataclass(frozen=True)
class LiveQuestion:
    """A question with its pictures, ready to ask."""

    draft: Draft
    pictures: tuple[QuestionPicture, ...]


def make(kind: str, *, task: str, level: str, tr: Translator, seed: int | None = None) -> LiveQuestion:
    """Compute a live question; without `seed` a new one is drawn. Raises ClassroomError for what there is not."""
    if kind not in LIVE or task not in TASKS:
        raise ClassroomError(
            Text("classroom.there-no-such-live", "There is no such live question; choose one of those shown.")
        )
    seed = random.SystemRandom().randrange(99_999) if seed is None else seed
    samples = [sample.key for sample in services.samples(task)]
    round_ = RoundSettings("map" if kind == "map" else "scan", level, seed, LENGTHS[-1], f"{task}/{ATTACKED}")
    model = computed.model_of(task, DEFENDED if kind == "map" else ATTACKED)
    item, clean = _first_valid(items(round_, samples), model)
    found = computed.attacked(clean, name="pgd", eps=round_.eps, seed=seed)
    facts = {"sample": item.sample, "model": model.id, "attack": "PGD", "eps": round_.eps, "seed": seed}
    facts |= {"clean": clean.label, "attacked": found.attacked.reading.label, "linf": found.attacked.linf}
    if kind == "model":
        return _model(found, task, tr, facts)
    return _pair(kind, found, item, round_, task=task, tr=tr, facts=facts)


def _first_valid(drawn: Sequence[QuizQuestion], model: ModelChoice) -> tuple[QuizQuestion, Reading]:
    """The first of the questions whose scan the model does not abstain from; the first of all where there is none."""
    for item in drawn:
        clean = computed.prediction(model, item.sample)
        if clean.abstained is None:
            return item, clean
    return drawn[0], computed.prediction(model, drawn[0].sample)


def _pair(
    kind: str,
    found: AttackOutcome,
    item: QuizQuestion,
    round_: RoundSettings,
    *,
    task: str,
    tr: Translator,
    facts: dict[str, object],
) -> LiveQuestion:
    """Two pictures side by side, one of them attacked."""
    sides = [(tr("lab.attacked-2", "attacked"), found.attacked.reading)]
    other = found.clean if item.beside == "clean" else found.noise.reading
    beside = (
        tr("lab.clean-2", "clean")
        if item.beside == "clean"
        else tr("classroom.random-noise-same", "random noise of the same size")
    )
    sides.insert(1 - item.answer, (beside, other))
    pictures: tuple[Picture, ...] = tuple(reading.picture for _, reading in sides)
    drawn: Sequence[Picture | Rgb] = computed.maps(found.clean, pictures) if kind == "map" else pictures
    names = (tr("teach.left", "Left"), tr("teach.right", "Right"))
    shown = tuple(
        QuestionPicture(computed.png(picture), name, f"{name}: {origin}. {_said(reading, task, tr)}")
        for picture, name, (origin, reading) in zip(drawn, names, sides, strict=True)
    )
    prompt = (
        tr("teach.which-map", "Which map belongs to the attacked scan?")
        if kind == "map"
        else tr("teach.which-scan", "Which scan was attacked?")
    )
    explanation = tr("classroom.attack-pgd", "The attack is PGD with {eps}.", eps=format_eps(round_.eps))
    draft = Draft(
        kind=kind,
        prompt=prompt,
        options=names,
        answer=item.answer,
        explanation=explanation,
        facts={**facts, "beside": item.beside},
    )
    return LiveQuestion(draft, shown)


def _model(found: AttackOutcome, task: str, tr: Translator, facts: dict[str, object]) -> LiveQuestion:
    """The attacked scan, and which class the model predicts for it."""
    attacked = found.attacked.reading
    options = tuple(class_words(tr, task, label) for label in attacked.classes)
    clean = QuestionPicture(
        computed.png(found.clean.picture), tr("classroom.clean-scan", "The clean scan"), _said(found.clean, task, tr)
    )
    after = QuestionPicture(
        computed.png(attacked.picture), tr("classroom.same-scan", "The same scan, attacked"), _said(attacked, task, tr)
    )
    draft = Draft(
        kind="model",
        prompt=tr("classroom.what-will", "What will the undefended model say of the attacked scan?"),
        options=options,
        answer=attacked.classes.index(attacked.label),
        explanation=tr(
            "classroom.clean-scan-says",
            "For the clean scan it says: {label}.",
            label=class_words(tr, task, found.clean.label),
        ),
        facts=facts,
    )
    return LiveQuestion(draft, (clean, after))


def _said(reading: Reading, task: str, tr: Translator) -> str:
    return f"{tr(reading.model.title)}: {output_words(tr, task, reading)}"
