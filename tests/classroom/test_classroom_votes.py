"""Votes: one a seat, the first stands, none after the end, and every process counts the same."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from refusals import refused_as

from dashboard.classroom import questions, rooms
from dashboard.classroom.database import Database
from dashboard.classroom.errors import ClassroomError, NotHere, TooLate
from dashboard.classroom.questions import Draft
from dashboard.classroom.tables import Question, Room

ROOT = Path(__file__).resolve().parents[2]
WHICH = Draft(kind="choice", prompt="Which?", options=("A", "B", "C"), answer=1)
HOW_MANY = Draft(kind="number", prompt="How many?", number=3.0, tolerance=0.5)

VOTING = """
import sys
from dashboard.classroom import questions
from dashboard.classroom.database import Database
url, asked, *tokens = sys.argv[1:]
database = Database(url)
for place, token in enumerate(tokens):
    questions.vote(database, token, int(asked), choice=place % 3)
found = questions.tally(database, questions.question(database, int(asked)))
assert found.n >= len(tokens)
"""
"""A second process of the app, as far as votes are concerned."""


@pytest.fixture
def room(database: Database) -> Room:
    return rooms.open_room(database, language="en", hours=4, days=7)


def students(database: Database, room: Room, n: int) -> list[str]:
    return [rooms.join(database, room.code, nickname="", who="a")[0] for _ in range(n)]


def counts(database: Database, asked: Question) -> tuple[int, ...]:
    return questions.tally(database, asked).counts


def test_the_first_answer_stands_and_a_second_changes_nothing(database: Database, room: Room) -> None:
    (token,) = students(database, room, 1)
    asked = questions.ask(database, room.code, WHICH)
    assert questions.vote(database, token, asked.id, choice=2).choice == 2
    assert questions.vote(database, token, asked.id, choice=0).choice == 2
    assert counts(database, asked) == (0, 0, 1)


def test_an_answer_sent_many_times_at_once_counts_once(database: Database, room: Room) -> None:
    tokens = students(database, room, 5)
    asked = questions.ask(database, room.code, WHICH)
    with ThreadPoolExecutor(8) as pool:
        sent = [(token, place % 3) for place, token in enumerate(tokens) for _ in range(6)]
        list(pool.map(lambda each: questions.vote(database, each[0], asked.id, choice=each[1]), sent))
    assert counts(database, asked) == (2, 2, 1)


def test_two_processes_that_vote_at_once_lose_and_double_nothing(database: Database, room: Room, url: str) -> None:
    tokens = students(database, room, 30)
    asked = questions.ask(database, room.code, WHICH)
    commands = [[sys.executable, "-c", VOTING, url, str(asked.id), *half] for half in (tokens[:18], tokens[12:])]
    running = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    assert questions.tally(database, asked).n == 30


def test_a_closed_question_takes_no_answer_but_confirms_the_one_given(database: Database, room: Room) -> None:
    early, late = students(database, room, 2)
    asked = questions.ask(database, room.code, WHICH)
    questions.vote(database, early, asked.id, choice=1)
    questions.close(database, room.code)
    with pytest.raises(TooLate):
        questions.vote(database, late, asked.id, choice=1)
    assert questions.vote(database, early, asked.id, choice=1).choice == 1
    assert counts(database, asked) == (0, 1, 0)


def test_the_next_question_closes_the_one_before(database: Database, room: Room) -> None:
    first = questions.ask(database, room.code, WHICH, now=1.0)
    second = questions.ask(database, room.code, HOW_MANY, now=2.0)
    assert questions.question(database, first.id).closed_at == 2.0
    assert questions.question(database, second.id).closed_at is None
    found = rooms.room_by_code(database, room.code)
    assert (found.question_id, found.showing) == (second.id, "question")


def test_votes_of_another_room_do_not_count(database: Database, room: Room) -> None:
    other = rooms.open_room(database, language="en", hours=4, days=7)
    (token,) = students(database, other, 1)
    asked = questions.ask(database, room.code, WHICH)
    with pytest.raises(NotHere):
        questions.vote(database, token, asked.id, choice=1)


@pytest.mark.parametrize("answer", [{"choice": 3}, {"choice": -1}, {"number": 1.0}, {}, {"choice": 1, "number": 1.0}])
def test_an_answer_that_was_not_offered_is_refused(database: Database, room: Room, answer: dict[str, float]) -> None:
    (token,) = students(database, room, 1)
    asked = questions.ask(database, room.code, WHICH)
    with refused_as(ClassroomError, "classroom.answer-does"):
        questions.vote(database, token, asked.id, **answer)  # type: ignore[arg-type]


def test_numbers_are_right_within_the_tolerance(database: Database, room: Room) -> None:
    asked = questions.ask(database, room.code, HOW_MANY)
    for token, number in zip(students(database, room, 4), (3.5, 2.4, 3.0, -8.0), strict=True):
        questions.vote(database, token, asked.id, number=number)
    found = questions.tally(database, asked)
    assert found.numbers == (-8.0, 2.4, 3.0, 3.5) and found.right == 2
    with pytest.raises(ClassroomError):
        questions.vote(database, students(database, room, 1)[0], asked.id, number=float("nan"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "poem"},
        {"prompt": " "},
        {"options": ("A",)},
        {"options": ("A", "A")},
        {"answer": 3},
        {"number": 1.0},
        {"kind": "number"},
        {"options": tuple("ABCDEFG")},
    ],
)
def test_a_question_that_cannot_be_answered_is_not_asked(wrong: dict[str, object]) -> None:
    with pytest.raises(ClassroomError):
        Draft(**({"kind": "choice", "prompt": "Which?", "options": ("A", "B", "C"), "answer": 1} | wrong))  # type: ignore[arg-type]
