"""Questions and votes: one open question a room, one answer a seat, and the first answer stands."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from dashboard.classroom.database import Database
from dashboard.classroom.errors import ClassroomError, NotHere, TooLate
from dashboard.classroom.rooms import found_room, found_seat
from dashboard.classroom.tables import PROMPT, Image, Question, Room, Seat, Vote
from dashboard.services.words import Text

KINDS = ("choice", "right_wrong", "number", "scan", "map", "model")
"""The last three are made by the server, with an attack computed for the question."""

MOST_OPTIONS = 6
LONGEST_OPTION = 120
MOST_QUESTIONS = 200
"""In one room."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A question as it will be asked; raises ClassroomError where it cannot be answered.

    `answer` counts options from 0. A question of opinion has neither `answer` nor `number`.
    """

    kind: str
    prompt: str
    options: tuple[str, ...] = ()
    answer: int | None = None
    number: float | None = None
    tolerance: float = 0.0
    explanation: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ClassroomError(
                Text("classroom.there-no-such-kind", "There is no such kind of question; choose one of those shown.")
            )
        if not 1 <= len(self.prompt.strip()) <= PROMPT:
            raise ClassroomError(
                Text("classroom.question-1", "A question has 1 to {most} characters; write it anew.", most=PROMPT)
            )
        if len(self.explanation) > 4 * PROMPT:
            raise ClassroomError(
                Text(
                    "classroom.explanation-most",
                    "An explanation has {most} characters at most; shorten it.",
                    most=4 * PROMPT,
                )
            )
        if self.kind == "number":
            self._check_number()
        else:
            self._check_options()

    def _check_number(self) -> None:
        if self.options or self.answer is not None:
            raise ClassroomError(Text("classroom.question-number", "A question for a number has no options."))
        given = (self.tolerance, 0.0 if self.number is None else self.number)
        if not all(map(math.isfinite, given)) or self.tolerance < 0:
            raise ClassroomError(
                Text(
                    "classroom.right-number", "The right number and its tolerance are numbers, the tolerance 0 or more."
                )
            )

    def _check_options(self) -> None:
        if not 2 <= len(self.options) <= MOST_OPTIONS or len(set(self.options)) < len(self.options):
            raise ClassroomError(
                Text("classroom.question-needs", "A question needs 2 to {most} different options.", most=MOST_OPTIONS)
            )
        if not all(1 <= len(option.strip()) <= LONGEST_OPTION for option in self.options):
            raise ClassroomError(
                Text("classroom.option-1", "An option has 1 to {most} characters.", most=LONGEST_OPTION)
            )
        if self.number is not None or (self.answer is not None and not 0 <= self.answer < len(self.options)):
            raise ClassroomError(Text("classroom.right-answer", "The right answer must be one of the options."))


@dataclass(frozen=True, eq=False)
class QuestionPicture:
    """A picture of a question as PNG: its caption until the answer is revealed, and the one after."""

    png: bytes
    before: str
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The answers to one question. `right` is None where no answer is right."""

    n: int
    counts: tuple[int, ...]
    """How many chose each option; empty for a number."""
    numbers: tuple[float, ...]
    """Every number given, ascending; empty otherwise."""
    right: int | None


def ask(
    database: Database, code: str, draft: Draft, *, pictures: Sequence[QuestionPicture] = (), now: float | None = None
) -> Question:
    """Open a question in a room, and close the one before it."""
    now = time.time() if now is None else now
    with database.writing() as session:
        room = found_room(session, code, lock=True)
        if (session.scalar(select(func.count()).where(Question.room_id == room.id)) or 0) >= MOST_QUESTIONS:
            raise ClassroomError(
                Text(
                    "classroom.room-most",
                    "A room has {most} questions at most; open another room.",
                    most=MOST_QUESTIONS,
                )
            )
        _close_open(session, room, now)
        asked = Question(room_id=room.id, asked_at=now, **(vars(draft) | {"options": list(draft.options)}))
        session.add(asked)
        session.flush()
        for place, shown in enumerate(pictures):
            session.add(Image(question_id=asked.id, place=place, png=shown.png, before=shown.before, after=shown.after))
        room.question_id, room.showing, room.timer_ends_at = asked.id, "question", None
    return asked


def close(database: Database, code: str, *, reveal: bool = False, now: float | None = None) -> None:
    """Take no further answers to the room's question; with `reveal` show the right one, too."""
    with database.writing() as session:
        room = found_room(session, code, lock=True)
        _close_open(session, room, time.time() if now is None else now)
        if reveal and room.question_id is not None:
            session.execute(update(Question).where(Question.id == room.question_id).values(revealed=True))


def _close_open(session: Session, room: Room, now: float) -> None:
    still_open = (Question.room_id == room.id, Question.closed_at.is_(None))
    session.execute(update(Question).where(*still_open).values(closed_at=now))


def vote(
    database: Database,
    token: str,
    question_id: int,
    *,
    choice: int | None = None,
    number: float | None = None,
    now: float | None = None,
) -> Vote:
    """The answer that stands for this seat: the one given, or the one that was given before.

    A browser that heard no reply may therefore send it again. Raises TooLate once the question is closed, and
    ClassroomError for an answer that does not fit.
    """
    now = time.time() if now is None else now
    with database.writing() as session:
        seat, room = found_seat(session, token, now=now)
        # Whoever closes the question waits for this vote, or this vote sees that it is closed.
        question = session.scalar(select(Question).where(Question.id == question_id).with_for_update(read=True))
        if question is None or question.room_id != room.id:
            raise NotHere(Text("classroom.there-no-such-question", "There is no such question in this room."))
        given = _vote_of(session, question_id, seat.id)
        if given is not None:
            return given
        if question.closed_at is not None:
            raise TooLate(Text("classroom.question-closed", "This question is closed."))
        _check_fits(question, choice, number)
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.execute(
            insert(Vote)
            .values(question_id=question_id, seat_id=seat.id, choice=choice, number=number, at=now)
            .on_conflict_do_nothing()  # two sent at once: the database keeps one
        )
        stands = _vote_of(session, question_id, seat.id)
        assert stands is not None
        return stands


def _vote_of(session: Session, question_id: int, seat_id: int) -> Vote | None:
    return session.scalar(select(Vote).where(Vote.question_id == question_id, Vote.seat_id == seat_id))


def _check_fits(question: Question, choice: int | None, number: float | None) -> None:
    if question.kind == "number":
        fits = choice is None and number is not None and math.isfinite(number) and abs(number) <= 1e12
    else:
        fits = number is None and choice is not None and 0 <= choice < len(question.options)
    if not fits:
        raise ClassroomError(
            Text("classroom.answer-does", "This answer does not fit the question; choose one of those shown.")
        )


def vote_of(database: Database, question_id: int, seat_id: int) -> Vote | None:
    """What a seat answered; None until it does."""
    with database.reading() as session:
        return _vote_of(session, question_id, seat_id)


def question(database: Database, question_id: int) -> Question:
    """One question; NotHere where it is gone."""
    with database.reading() as session:
        found = session.get(Question, question_id)
    if found is None:
        raise NotHere(Text("classroom.there-no-such-question-any", "There is no such question any more."))
    return found


def questions(database: Database, room_id: int) -> Sequence[Question]:
    """Every question of a room in the order asked."""
    with database.reading() as session:
        return session.scalars(select(Question).where(Question.room_id == room_id).order_by(Question.id)).all()


def captions(database: Database, question_id: int) -> Sequence[tuple[int, str, str]]:
    """Id, caption before and caption after of a question's pictures, in their order."""
    with database.reading() as session:
        chosen = select(Image.id, Image.before, Image.after).where(Image.question_id == question_id)
        return [row.tuple() for row in session.execute(chosen.order_by(Image.place))]


def image(database: Database, image_id: int) -> tuple[bytes, int]:
    """The PNG file of a picture, and the id of its room; NotHere where it is gone."""
    with database.reading() as session:
        chosen = select(Image.png, Question.room_id).join(Question, Image.question_id == Question.id)
        row = session.execute(chosen.where(Image.id == image_id)).one_or_none()
    if row is None:
        raise NotHere(Text("classroom.there-no-such-picture", "There is no such picture any more."))
    return row.tuple()


def tally(database: Database, asked: Question) -> Tally:
    """The answers so far, counted by the database: every process that asks is told the same."""
    with database.reading() as session:
        of_question = Vote.question_id == asked.id
        if asked.kind == "number":
            numbers = tuple(session.scalars(select(Vote.number).where(of_question).order_by(Vote.number)).all())
            given = tuple(number for number in numbers if number is not None)
            right = None if asked.number is None else sum(is_right(asked, number=each) for each in given)
            return Tally(n=len(given), counts=(), numbers=given, right=right)
        rows = session.execute(select(Vote.choice, func.count()).where(of_question).group_by(Vote.choice)).tuples()
        found = dict(iter(rows))
    counts = tuple(found.get(place, 0) for place in range(len(asked.options)))
    right = None if asked.answer is None else counts[asked.answer]
    return Tally(n=sum(counts), counts=counts, numbers=(), right=right)


def is_right(asked: Question, *, choice: int | None = None, number: float | None = None) -> bool:
    """Whether an answer is the right one; False where no answer is."""
    if asked.kind != "number":
        return asked.answer is not None and choice == asked.answer
    return asked.number is not None and number is not None and abs(number - asked.number) <= asked.tolerance


def votes(database: Database, room_id: int) -> Sequence[tuple[Vote, Question]]:
    """Every answer of a room with its question, in the order of the questions."""
    with database.reading() as session:
        chosen = (
            select(Vote, Question)
            .join(Question, Vote.question_id == Question.id)
            .where(Question.room_id == room_id)
            .order_by(Question.id, Vote.id)
        )
        return [row.tuple() for row in session.execute(chosen)]


def voters(database: Database, question_id: int) -> frozenset[int]:
    """Seats that have answered."""
    with database.reading() as session:
        chosen = select(Seat.id).join(Vote, Vote.seat_id == Seat.id).where(Vote.question_id == question_id)
        return frozenset(session.scalars(chosen))
