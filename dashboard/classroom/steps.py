"""Steps of lessons in a room: their text as safe HTML, their question, and their figures."""

import base64
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt

from dashboard.classroom.errors import NotHere
from dashboard.classroom.figures import Figures, figures
from dashboard.classroom.questions import Draft
from dashboard.classroom.tables import Room
from dashboard.classroom.words import translator
from dashboard.services.classroom import png
from dashboard.services.lessons.model import Lesson, LessonStep, StepState, read_shelf

MARKDOWN = MarkdownIt("commonmark", {"html": False})
"""Tags in a lesson are shown as text, so whatever comes out holds no script."""

KEPT = 32
"""Steps whose figures are kept, so that going back does not compute them again."""


def lessons(language: str) -> list[dict[str, Any]]:
    """Every lesson with its title and the titles of its steps."""
    shelf = read_shelf(language=language)
    return [{"key": each.key, "title": each.title, "steps": [s.title for s in each.steps]} for each in shelf.lessons]


def find(key: str, *, language: str) -> Lesson:
    """The lesson of that key; NotHere for none."""
    found = next((each for each in read_shelf(language=language).lessons if each.key == key), None)
    if found is None:
        raise NotHere("There is no such lesson; choose one of those shown.")
    return found


def numbered(key: str, step: int) -> int:
    """A step of the lesson, counted from 0: the nearest that there is."""
    return max(0, min(step, len(find(key, language="en").steps) - 1))


def step_of(room: Room) -> tuple[Lesson, LessonStep]:
    """Where a room is; NotHere where it is in no lesson."""
    if room.lesson is None:
        raise NotHere("No lesson is open in this room.")
    lesson = find(room.lesson, language=room.language)
    return lesson, lesson.steps[min(room.step, len(lesson.steps) - 1)]


def told(room: Room) -> dict[str, Any]:
    """The step's words. Its answer is in them once it is revealed; the notes are for the teacher's window."""
    lesson, step = step_of(room)
    asked = step.question
    question: dict[str, Any] | None = None
    if asked is not None:
        question = {"prompt": asked.prompt, "options": asked.options}
        if room.revealed:
            question |= {"answer": asked.answer, "explanation": asked.explanation}
    return {
        "lesson": lesson.title,
        "title": step.title,
        "step": room.step,
        "steps": len(lesson.steps),
        "html": MARKDOWN.render(step.text),
        "question": question,
        "notes": None if step.notes is None else MARKDOWN.render(step.notes),
        "has_figures": step.state is not None,
    }


def drawn(room: Room) -> dict[str, Any]:
    """The step's figures, computed now; captions and table as far as the room has revealed them."""
    _, step = step_of(room)
    if step.state is None:
        return {"pictures": [], "table": []}
    found = _figures(step.state, room.language)
    return {
        "pictures": [
            {
                "src": "data:image/png;base64," + base64.b64encode(png(each.pixels)).decode("ascii"),
                "caption": each.after if room.revealed else each.before,
            }
            for each in found.pictures
        ],
        # Without pictures the table is what there is to see.
        "table": found.table if room.revealed or not found.pictures else (),
    }


@lru_cache(maxsize=KEPT)
def _figures(state: StepState, language: str) -> Figures:
    return figures(state, translator(language))


def asked_by(room: Room) -> Draft:
    """The step's question, to be asked on the phones; NotHere where it has none."""
    _, step = step_of(room)
    if step.question is None:
        raise NotHere("This step asks nothing; go to one with a question.")
    asked = step.question
    return Draft(
        kind="choice",
        prompt=asked.prompt[:500],
        options=tuple(option[:120] for option in asked.options),
        answer=asked.answer,
        explanation=asked.explanation[:2000],
    )
