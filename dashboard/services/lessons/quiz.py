"""The quiz: which items a seed gives, what the answers come to, and the class result to take away. No names, ever."""

import csv
import io
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from meddef_core.errors import DataError
from meddef_core.evaluation.metrics import wilson
from meddef_core.intended_use import INTENDED_USE
from meddef_core.records import SCHEMA_VERSION
from meddef_core.records.quiz import QuizItem, QuizNumbers, QuizResult, QuizRound
from meddef_core.text import Text

KINDS = {
    "scan": Text("teach.which-scan", "Which scan was attacked?"),
    "map": Text("teach.which-map", "Which map belongs to the attacked scan?"),
}
LEVELS = {"easy": 16 / 255, "medium": 8 / 255, "hard": 2 / 255}
"""Epsilon of the attack, by level."""

LENGTHS = (5, 10, 20)
MOST_SEED = 99_999


@dataclass(frozen=True)
class RoundSettings:
    """Everything that decides a round: the same round has the same items in the same order."""

    kind: str
    level: str
    seed: int
    length: int
    model: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.level not in LEVELS or self.length not in LENGTHS:
            raise DataError(
                Text(
                    "lessons.there-no-such",
                    "There is no such quiz; choose its kind, level and length from those shown.",
                )
            )
        if not 0 <= self.seed <= MOST_SEED:
            raise DataError(
                Text(
                    "lessons.seed-quiz",
                    "The seed of a quiz lies between 0 and {most}, not {seed}.",
                    most=MOST_SEED,
                    seed=self.seed,
                )
            )

    @property
    def eps(self) -> float:
        """Budget of the attack and of the noise control, in pixel units."""
        return LEVELS[self.level]


@dataclass(frozen=True)
class QuizQuestion:
    """One question: a sample, what stands beside the attacked picture, and the side (0 or 1) that is attacked."""

    number: int
    sample: str
    beside: str
    answer: int


@dataclass(frozen=True)
class Answer:
    """One answer of the class."""

    item: QuizQuestion
    given: int

    @property
    def right(self) -> bool:
        """Whether the attacked side was named."""
        return self.given == self.item.answer


@dataclass(frozen=True)
class QuizScore:
    """What the answers come to. `interval` is the Wilson 95% interval of the share, None before the first answer."""

    n: int
    right: int
    streak: int
    best_streak: int
    interval: tuple[float, float] | None

    @property
    def share(self) -> float:
        """Share of right answers; raises ZeroDivisionError before the first."""
        return self.right / self.n


def items(chosen: RoundSettings, samples: Sequence[str]) -> tuple[QuizQuestion, ...]:
    """The round's items, drawn from its seed; raises DataError without a sample.

    Every sample comes once before any comes twice. Half of the pictures beside are the clean scan and half the scan
    with noise of the same size, in random order: "something was changed" must not be enough to answer.
    """
    if not samples:
        raise DataError(
            Text("lessons.there-no-sample", "There is no sample of this kind of scan, so there is nothing to ask.")
        )
    draw = random.Random(f"{chosen.kind}/{chosen.level}/{chosen.seed}/{chosen.length}")
    order: list[str] = []
    while len(order) < chosen.length:
        order += draw.sample(list(samples), len(samples))
    beside = ["clean" if number % 2 else "noise" for number in range(chosen.length)]
    draw.shuffle(beside)
    return tuple(
        QuizQuestion(number, order[number], beside[number], draw.randrange(2)) for number in range(chosen.length)
    )


def score(answers: Sequence[Answer]) -> QuizScore:
    """Right answers, the streak that is running, the longest, and the interval of the share."""
    streak = best = 0
    for answer in answers:
        streak = streak + 1 if answer.right else 0
        best = max(best, streak)
    right = sum(answer.right for answer in answers)
    return QuizScore(len(answers), right, streak, best, wilson(right, len(answers)) if answers else None)


def document(chosen: RoundSettings, answers: Sequence[Answer], *, weights: str) -> dict[str, Any]:
    """The class result: round, score, every item with the answer given. `weights` is the sha256 of the model's."""
    result = score(answers)
    return QuizResult(
        schema_version=SCHEMA_VERSION,
        kind="quiz",
        intended_use=INTENDED_USE,
        round=QuizRound(**asdict(chosen), eps=chosen.eps),
        weights_sha256=weights,
        numbers=QuizNumbers(
            n=result.n,
            right=result.right,
            accuracy=result.share if result.n else None,
            interval=result.interval,
            chance=0.5,
            longest_streak=result.best_streak,
        ),
        items=tuple(QuizItem(**asdict(each.item), given=each.given, right=each.right) for each in answers),
    ).document()


def as_json(result: Mapping[str, Any]) -> str:
    """The class result as one JSON document."""
    return json.dumps(result, indent=2) + "\n"


def as_csv(result: Mapping[str, Any]) -> str:
    """The class result as one line an item; each line carries the round, so that several files can be joined."""
    shared = {key: result["round"][key] for key in ("kind", "level", "seed", "eps", "model")}
    columns = [*shared, "number", "sample", "beside", "answer", "given", "right", "intended_use"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for item in result["items"]:
        writer.writerow(shared | item | {"intended_use": INTENDED_USE})
    return out.getvalue()
