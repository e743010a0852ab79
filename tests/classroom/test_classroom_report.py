"""The class report: human accuracy against chance, without names, and safe in a spreadsheet."""

import csv
import io

import pytest
from pypdf import PdfReader

from dashboard.classroom import questions, report, rooms
from dashboard.classroom.database import Database
from dashboard.classroom.questions import Draft
from dashboard.classroom.tables import Room
from meddef_core.evaluation.metrics import wilson

SCAN = Draft(kind="scan", prompt="Which scan was attacked?", options=("Left", "Right"), answer=1, facts={"eps": 0.1})
MODEL = Draft(kind="model", prompt="=cmd()", options=("A", "B", "C", "D"), answer=0)
OPINION = Draft(kind="choice", prompt="Do you like it?", options=("Yes", "No"))
NUMBER = Draft(kind="number", prompt="How many?", number=3.0)


@pytest.fixture
def room(database: Database) -> Room:
    """A class of four: three right of four on `SCAN`, one of four on `MODEL`."""
    room = rooms.open_room(database, language="en", hours=4, days=7)
    tokens = [rooms.join(database, room.code, nickname=f"Name{n}", who="a")[0] for n in range(4)]
    for draft, answers in ((SCAN, (1, 1, 1, 0)), (MODEL, (0, 1, 2, 3)), (OPINION, (0, 0, 0, 1))):
        asked = questions.ask(database, room.code, draft)
        for token, choice in zip(tokens, answers, strict=True):
            questions.vote(database, token, asked.id, choice=choice)
    asked = questions.ask(database, room.code, NUMBER)
    questions.vote(database, tokens[0], asked.id, number=3.0)
    return room


def test_accuracy_is_set_against_chance_by_kind_and_together(database: Database, room: Room) -> None:
    found = {each.kind: each for each in report.accuracies(report.lines(database, room))}
    assert set(found) == {"scan", "model", "all"}
    assert (found["scan"].right, found["scan"].n, found["scan"].chance) == (3, 4, 0.5)
    assert (found["model"].share, found["model"].chance) == (0.25, 0.25)
    assert found["all"].chance == pytest.approx((4 * 0.5 + 4 * 0.25) / 8)
    assert found["all"].interval == wilson(4, 8)


def test_the_csv_has_a_line_a_question_and_no_formula_and_no_name(database: Database, room: Room) -> None:
    text = report.as_csv(database, room)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["kind"] for row in rows] == ["scan", "model", "choice", "number", "scan", "model", "all"]
    assert rows[0]["right"] == "3" and rows[0]["facts"] == "eps: 0.1" and rows[2]["right"] == ""
    assert rows[1]["prompt"] == "'=cmd()" and "Name" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pdf_says_the_same(database: Database, language: str) -> None:
    room = rooms.open_room(database, language=language, hours=4, days=7)
    token, _ = rooms.join(database, room.code, nickname="Ada", who="a")
    asked = questions.ask(database, room.code, SCAN)
    questions.vote(database, token, asked.id, choice=1)
    (page,) = PdfReader(io.BytesIO(report.as_pdf(database, room))).pages
    text = page.extract_text()
    assert "Which scan was attacked?" in text and "Ada" not in text
    if language == "en":
        assert "Human accuracy against chance" in text and "50" in text


def test_an_empty_class_has_a_report(database: Database) -> None:
    room = rooms.open_room(database, language="en", hours=4, days=7)
    assert report.accuracies(report.lines(database, room)) == []
    assert report.as_pdf(database, room).startswith(b"%PDF")
