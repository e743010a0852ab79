"""What a class answered: each question, and human accuracy against chance with its interval. No names, ever."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.classroom import questions
from dashboard.classroom.database import Database
from dashboard.classroom.paper import Block, document, heading, paragraph, table
from dashboard.classroom.tables import Room
from dashboard.classroom.words import Translator, translator
from dashboard.services.drawing import wilson
from dashboard.services.words import INTENDED_USE, counted, percent

COLUMNS = ("number", "kind", "prompt", "answers", "right", "accuracy", "low", "high", "chance", "facts", "intended_use")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One question. `right` and `chance` are None where no answer is right, `chance` also for a number."""

    number: int
    kind: str
    prompt: str
    n: int
    right: int | None
    chance: float | None
    facts: str


@dataclass(frozen=True, kw_only=True)
class HumanAccuracy:
    """Answers to questions of one kind, or of all, that have options and a right one among them."""

    kind: str
    n: int
    right: int
    interval: tuple[float, float]
    """Wilson 95%, as if all answers were independent: those of one student are not quite."""
    chance: float

    @property
    def share(self) -> float:
        """Share of right answers."""
        return self.right / self.n


def lines(database: Database, room: Room) -> list[Line]:
    """Every question of the room in the order asked."""
    found = []
    for number, asked in enumerate(questions.questions(database, room.id), start=1):
        counted_ = questions.tally(database, asked)
        chance = 1 / len(asked.options) if asked.answer is not None else None
        facts = "; ".join(f"{name}: {value}" for name, value in asked.facts.items())
        found.append(
            Line(
                number=number, kind=asked.kind, prompt=asked.prompt, n=counted_.n, right=counted_.right,
                chance=chance, facts=facts,
            )
        )  # fmt: skip
    return found


def accuracies(found: Iterable[Line]) -> list[HumanAccuracy]:
    """By kind in the order met, then of all together where there are several kinds; without questions nobody met."""
    counted_ = [line for line in found if line.chance is not None and line.n]
    kinds = list(dict.fromkeys(line.kind for line in counted_))
    by_kind = [_accuracy(kind, [line for line in counted_ if line.kind == kind]) for kind in kinds]
    return by_kind if len(kinds) < 2 else [*by_kind, _accuracy("all", counted_)]


def _accuracy(kind: str, of: Sequence[Line]) -> HumanAccuracy:
    n, right = sum(line.n for line in of), sum(line.right or 0 for line in of)
    chance = sum(line.n * (line.chance or 0.0) for line in of) / n
    return HumanAccuracy(kind=kind, n=n, right=right, interval=wilson(right, n), chance=chance)


def as_csv(database: Database, room: Room) -> str:
    """One line a question, then one for each accuracy, whose number is empty.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    found = lines(database, room)
    for line in found:
        low, high = wilson(line.right, line.n) if line.right is not None and line.n else ("", "")
        share = line.right / line.n if line.right is not None and line.n else ""
        cells = (line.number, line.kind, line.prompt, line.n, _cell(line.right), share, low, high, _cell(line.chance))
        writer.writerow(dict(zip(COLUMNS, (*map(_safe, cells), _safe(line.facts), INTENDED_USE), strict=True)))
    for each in accuracies(found):
        sums = ("", each.kind, "human accuracy", each.n, each.right, each.share, *each.interval, each.chance)
        writer.writerow(dict(zip(COLUMNS, (*sums, "", INTENDED_USE), strict=True)))
    return out.getvalue()


def _cell(value: float | None) -> float | str:
    return "" if value is None else value


def _safe(value: object) -> object:
    """A number as it is; text so that no spreadsheet computes it."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def as_pdf(database: Database, room: Room) -> bytes:
    """The same to print, in the room's language."""
    tr, found = translator(room.language), lines(database, room)
    day = datetime.fromtimestamp(room.created_at, UTC).strftime("%Y-%m-%d")
    story: list[Block] = [
        heading(tr("classroom.class-report", "Class report"), level=1),
        paragraph(tr("classroom.class-day", "Class of {day}, {n} questions.", day=day, n=len(found))),
        heading(tr("classroom.human-accuracy", "Human accuracy against chance"), level=2),
        *_accuracy_blocks(found, tr),
        heading(tr("teach.questions", "Questions"), level=2),
        _question_table(found, tr),
    ]
    return document(story, title=tr("classroom.class-report", "Class report"), language=room.language)


def _accuracy_blocks(found: Sequence[Line], tr: Translator) -> list[Block]:
    measured = accuracies(found)
    if not measured:
        return [paragraph(tr("classroom.no-question", "No question with a right option was answered."))]
    head = (
        tr("classroom.kind", "Kind"),
        tr("classroom.answers", "Answers"),
        tr("teach.right-answers", "Right answers"),
        tr("attention.95-interval", "95% interval"),
        tr("classroom.accuracy-chance", "Accuracy by chance"),
    )
    rows = [
        (
            kind_words(each.kind, tr),
            str(each.n),
            counted(each.share),
            f"{percent(each.interval[0])}–{percent(each.interval[1])}",
            percent(each.chance),
        )
        for each in measured
    ]
    note = tr(
        "classroom.interval-treats",
        "The interval treats all answers as independent; those of one student are not quite.",
    )
    return [table((head, *rows)), paragraph(note)]


def _question_table(found: Sequence[Line], tr: Translator) -> Block:
    head = (
        "",
        tr("teach.question", "Question"),
        tr("classroom.kind", "Kind"),
        tr("classroom.answers", "Answers"),
        tr("teach.right-answers", "Right answers"),
    )
    rows = [
        (str(line.number), line.prompt, kind_words(line.kind, tr), str(line.n), _right_words(line)) for line in found
    ]
    return table((head, *rows), widths=(0.06, 0.46, 0.2, 0.12, 0.16))


def _right_words(line: Line) -> str:
    return "–" if line.right is None or not line.n else f"{line.right} ({percent(line.right / line.n)})"


def kind_words(kind: str, tr: Translator) -> str:
    """A kind of question as the teacher's window calls it."""
    return {
        "choice": tr("classroom.multiple-choice", "Multiple choice"),
        "right_wrong": tr("classroom.true-false", "True or false"),
        "number": tr("classroom.number", "A number"),
        "scan": tr("teach.which-scan", "Which scan was attacked?"),
        "map": tr("teach.which-map", "Which map belongs to the attacked scan?"),
        "model": tr("classroom.what-will-undefended", "What will the undefended model say?"),
        "all": tr("classroom.all-kinds", "All kinds"),
    }[kind]
