"""A class's result of the quiz, as the dashboard exports it: no names, ever."""

from typing import Any, Literal

from meddef_core.records.envelope import Budget, Count, Digest, Fraction, StrictSchema


class QuizRound(StrictSchema):
    """Everything that decides a round; `eps` is that of its level."""

    kind: str
    level: str
    seed: Count
    length: Count
    model: str
    eps: Budget


class QuizNumbers(StrictSchema):
    """What the answers come to; None before the first."""

    n: Count
    right: Count
    accuracy: Fraction | None
    interval: tuple[Fraction, Fraction] | None
    chance: Fraction
    longest_streak: Count


class QuizItem(StrictSchema):
    """One question with its answer: the side (0 or 1) that was attacked, and the side that was named."""

    number: Count
    sample: str
    beside: str
    answer: int
    given: int
    right: bool


class QuizResult(StrictSchema):
    """The class result; `weights_sha256` is of the model that was attacked."""

    schema_version: Literal[2]
    kind: Literal["quiz"]
    intended_use: str
    round: QuizRound
    weights_sha256: Digest
    numbers: QuizNumbers
    items: tuple[QuizItem, ...]

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return self.model_dump(mode="json")
