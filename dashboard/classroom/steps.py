"""Steps of lessons on a projector: their text as safe HTML, their question, and their figures."""

import base64
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt

from dashboard.classroom.errors import NotHere
from dashboard.classroom.figures import Figures, figures
from dashboard.classroom.questions import Draft
from dashboard.classroom.tables import Room
from dashboard.classroom.words import translator
from dashboard.services.classroom import png
from dashboard.services.lessons.model import Lesson, StepState, read_shelf
from dashboard.services.words import Text

MARKDOWN = MarkdownIt("commonmark", {"html": False})
"""Tags in a lesson are shown as text, so whatever comes out holds no script."""

KEPT = 32
"""Steps whose figures are kept, so that going back does not compute them again."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A step of a lesson, counted from 0, as a projector shows it."""

    lesson: str
    step: int
    language: str
    revealed: bool = False


def lessons(language: str) -> list[dict[str, Any]]:
    """Every lesson with its title and the titles of its steps."""
    shelf = read_shelf(language=language)
    return [{"key": each.key, "title": each.title, "steps": [s.title for s in each.steps]} for each in shelf.lessons]


def find(key: str, *, language: str) -> Lesson:
    """The lesson of that key; NotHere for none."""
    found = next((each for each in read_shelf(language=language).lessons if each.key == key), None)
    if found is None:
        raise NotHere(Text("classroom.there-no-such-lesson", "There is no such lesson; choose one of those shown."))
    return found


def numbered(key: str, step: int) -> int:
    """A step of the lesson, counted from 0: the nearest that there is."""
    return step_at(Place(lesson=key, step=step, language="en"))[1]


def place_of(room: Room) -> Place:
    """Where a room is; NotHere where it is in no lesson."""
    if room.lesson is None:
        raise NotHere(Text("classroom.no-lesson", "No lesson is open in this room."))
    return Place(lesson=room.lesson, step=room.step, language=room.language, revealed=room.revealed)


def step_at(place: Place) -> tuple[Lesson, int]:
    """The lesson and the number of its step, the nearest that there is; NotHere for an unknown lesson."""
    lesson = find(place.lesson, language=place.language)
    return lesson, max(0, min(place.step, len(lesson.steps) - 1))


def told(place: Place) -> dict[str, Any]:
    """The step's words. Its answer is in them once it is revealed; the notes are for the teacher's window."""
    lesson, number = step_at(place)
    step = lesson.steps[number]
    asked = step.question
    question: dict[str, Any] | None = None
    if asked is not None:
        question = {"prompt": asked.prompt, "options": asked.options}
        if place.revealed:
            question |= {"answer": asked.answer, "explanation": asked.explanation}
    return {
        "lesson": lesson.title,
        "title": step.title,
        "step": number,
        "steps": len(lesson.steps),
        "html": MARKDOWN.render(step.text),
        "question": question,
        "notes": None if step.notes is None else MARKDOWN.render(step.notes),
        "has_figures": step.state is not None,
    }


def drawn(place: Place) -> dict[str, Any]:
    """The step's figures, computed now; captions and table as far as they are revealed."""
    lesson, number = step_at(place)
    step = lesson.steps[number]
    if step.state is None:
        return {"pictures": [], "table": []}
    found = _figures(step.state, place.language)
    return {
        "pictures": [
            {
                "src": "data:image/png;base64," + base64.b64encode(png(each.pixels)).decode("ascii"),
                "caption": each.after if place.revealed else each.before,
            }
            for each in found.pictures
        ],
        # Without pictures the table is what there is to see.
        "table": found.table if place.revealed or not found.pictures else (),
    }


@lru_cache(maxsize=KEPT)
def _figures(state: StepState, language: str) -> Figures:
    return figures(state, translator(language))


def asked_by(place: Place) -> Draft:
    """The step's question, to be asked on the phones; NotHere where it has none."""
    lesson, number = step_at(place)
    step = lesson.steps[number]
    if step.question is None:
        raise NotHere(Text("classroom.step-asks", "This step asks nothing; go to one with a question."))
    asked = step.question
    return Draft(
        kind="choice",
        prompt=asked.prompt[:500],
        options=tuple(option[:120] for option in asked.options),
        answer=asked.answer,
        explanation=asked.explanation[:2000],
    )
