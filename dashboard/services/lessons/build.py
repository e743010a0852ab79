"""A lesson that was put together in a form, as the Markdown file that the page reads."""

import hashlib
import re
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from dashboard.services.lessons.fields import LessonError
from dashboard.services.lessons.model import Lesson, LessonQuestion, LessonStep, StepState, parse
from meddef_core.eps import exact_eps
from meddef_core.io.files import replacing
from meddef_core.text import Text

FENCE = "```"
MOST_KEY = 60


def as_markdown(lesson: Lesson) -> str:
    """The file's text, which `parse` reads as this lesson; raises LessonError where it would read another.

    A line of text that begins a step or a block, say, cannot stand in a step's text.
    """
    about = {"title": lesson.title, "summary": lesson.summary, "minutes": lesson.minutes, "order": lesson.order}
    text = "\n".join(["---", _yaml(about), "---", "", *map(_step, lesson.steps)])
    if parse(text, name=f"{lesson.key}.md") != lesson:
        raise LessonError(
            Text(
                "classroom.title-text",
                "A title, text or note holds lines that begin with ## or ```; write them otherwise.",
            )
        )
    return text


def save(lesson: Lesson, folder: Path) -> Path:
    """Write a new file into the folder of lessons; LessonError where there is one of that name already."""
    path = folder / f"{lesson.key}.md"
    if path.exists():
        raise LessonError(
            Text("lessons.there-lesson", "There is a lesson {name} already; choose another title.", name=path.name)
        )
    text = as_markdown(lesson)
    with replacing(path) as new:
        new.write_text(text, encoding="utf-8")
    return path


def key_of(title: str) -> str:
    """A file name for a title: its Latin letters and digits, or a number of its own where it has none."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall(r"[a-z0-9]+", plain))[:MOST_KEY].strip("-")
    return words or f"lesson-{hashlib.sha256(title.encode()).hexdigest()[:8]}"


def _step(step: LessonStep) -> str:
    parts = [f"## {step.title}", "", step.text, ""]
    if step.state is not None:
        parts += [f"{FENCE}state", _yaml(_state(step.state)), FENCE, ""]
    if step.question is not None:
        parts += [f"{FENCE}question", _yaml(_question(step.question)), FENCE, ""]
    if step.notes is not None:
        parts += [f"{FENCE}notes", step.notes, FENCE, ""]
    return "\n".join(parts)


def _state(state: StepState) -> dict[str, Any]:
    said = {name: value for name, value in vars(state).items() if value is not None} | {"models": list(state.models)}
    return said if state.eps is None else said | {"eps": exact_eps(state.eps)}


def _question(question: LessonQuestion) -> dict[str, Any]:
    return {
        "prompt": question.prompt,
        "options": list(question.options),
        "answer": question.answer + 1,
        "explanation": question.explanation,
    }


def _yaml(values: dict[str, Any]) -> str:
    return yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=10_000).rstrip()
