"""Lessons as Markdown files: read, checked, and refused by file, line and one sentence where they are malformed.

A file has YAML front matter (title, summary, minutes, order) and steps, `## Title` sections of text. A step may hold
one fenced block of each kind: `state` (what the live card shows), `question` (asked, then revealed) and `notes` (for
the teacher alone). docs/writing-lessons.md says how. A translation holds words only: its states are the original's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dashboard.services import limits
from dashboard.services.lessons.fields import FENCE, FieldPlace, LessonError, read_blocks, read_fields
from meddef_core.attacks import ATTACKS
from meddef_core.eps import parse_eps
from meddef_core.errors import AttackError
from meddef_core.io.places import assets
from meddef_core.pruning.masks import MOST_SPARSITY
from meddef_core.settings import settings
from meddef_core.tasks import TASKS

LESSONS = assets("lessons")

VIEWS: dict[str, tuple[str, ...]] = {
    "scan": (),
    "reading": (),
    "maps": (),
    "attack": ("attack", "eps"),
    "controls": ("eps",),
    "sweep": ("attack",),
    "training": (),
    "broken": ("eps", "defence"),
    "pruning": ("eps", "sparsity"),
    "records": (),
    "reported": (),
    "foreign": (),
}
"""Live cards that a step can show, and what the state must say beyond task, sample, models and view."""

DEFENCES = ("quantiser", "saturated_logits", "swallowed_exception", "normalised_epsilon")
"""Broken defences for which `services.teaching` knows the attack that sees through them."""

BLOCKS = ("state", "question", "notes")
MOST_STEPS = 50
MOST_MINUTES = 240


@dataclass(frozen=True, kw_only=True)
class StepState:
    """What a step's live card shows. `models` are names within the task; `eps` is in the attack's own norm."""

    task: str
    sample: str
    models: tuple[str, ...]
    view: str
    attack: str | None = None
    eps: float | None = None
    steps: int | None = None
    defence: str | None = None
    sparsity: float | None = None


@dataclass(frozen=True, kw_only=True)
class LessonQuestion:
    """Asked after the live card; `answer` counts options from 0."""

    prompt: str
    options: tuple[str, ...]
    answer: int
    explanation: str


@dataclass(frozen=True, kw_only=True)
class LessonStep:
    """One section: text for all, notes for the teacher."""

    title: str
    text: str
    state: StepState | None = None
    question: LessonQuestion | None = None
    notes: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One file; `key` is its name without the suffix."""

    key: str
    title: str
    summary: str
    minutes: int
    order: int
    steps: tuple[LessonStep, ...]
    language: str = "en"


@dataclass(frozen=True)
class Shelf:
    """The lessons of a folder in their order, and a sentence for each file that was refused."""

    lessons: tuple[Lesson, ...]
    problems: tuple[str, ...]


# ---- a folder ----------------------------------------------------------------------------------------------------


def lessons_root() -> Path:
    """The folder of lessons: `MEDDEF_LESSONS_DIR`, for a school with its own, else the shipped one."""
    return settings().lessons_dir or LESSONS


def read_shelf(folder: Path | None = None, *, language: str = "en") -> Shelf:
    """Every lesson of the folder (`lessons_root`), in `language` where its subfolder has a translation that fits."""
    folder = folder or lessons_root()
    lessons: list[Lesson] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.md")):
        lesson = _read(path, problems)
        translation = folder / language / path.name
        if lesson is not None and translation.is_file():
            words = _read(translation, problems)
            lesson = lesson if words is None else _joined(lesson, words, language, problems)
        if lesson is not None:
            lessons.append(lesson)
    return Shelf(tuple(sorted(lessons, key=lambda each: (each.order, each.key))), tuple(problems))


def _read(path: Path, problems: list[str]) -> Lesson | None:
    try:
        return parse(path.read_text(encoding="utf-8"), name=path.name)
    except LessonError as error:
        problems.append(str(error))
    except (OSError, UnicodeDecodeError):
        problems.append(f"{path.name}, line 1: The file cannot be read as UTF-8 text; save it so.")
    return None


def _joined(lesson: Lesson, words: Lesson, language: str, problems: list[str]) -> Lesson:
    try:
        return translated(lesson, words, language=language)
    except LessonError as error:
        problems.append(str(error))
        return lesson


def translated(lesson: Lesson, words: Lesson, *, language: str) -> Lesson:
    """The lesson in the words of its translation, with its own states; LessonError where the two do not match."""
    where = f"{language}/{lesson.key}.md, line 1"
    if len(lesson.steps) != len(words.steps):
        raise LessonError(f"{where}: It has {len(words.steps)} steps, the original has {len(lesson.steps)}.")
    steps = []
    for number, (own, other) in enumerate(zip(lesson.steps, words.steps, strict=True), start=1):
        asked, said = own.question, other.question
        if (asked is None) != (said is None) or (
            asked and said and (len(asked.options), asked.answer) != (len(said.options), said.answer)
        ):
            raise LessonError(f"{where}: Step {number} does not ask what the original asks; match the question.")
        steps.append(replace(other, state=own.state))
    return replace(lesson, title=words.title, summary=words.summary, steps=tuple(steps), language=language)


# ---- one file ----------------------------------------------------------------------------------------------------


def parse(text: str, *, name: str) -> Lesson:
    """The lesson in a file's text; raises LessonError naming file and line."""
    lines = text.removeprefix("\ufeff").splitlines()
    place = FieldPlace(name, 1)
    if not lines or lines[0].strip() != "---":
        raise place.refuse("A lesson begins with front matter between two lines of '---'.")
    end = next((i for i, line in enumerate(lines[1:], start=1) if line.strip() == "---"), None)
    if end is None:
        raise place.refuse("The front matter is not closed; add a line '---'.")
    about = read_fields(lines[1:end], place.at(2), required=("title", "summary", "minutes", "order"))
    return Lesson(
        key=name.removesuffix(".md"),
        title=about.words("title"),
        summary=about.words("summary"),
        minutes=about.whole("minutes", least=1, most=MOST_MINUTES),
        order=about.whole("order", least=0, most=9999),
        steps=_steps(lines, end + 1, place),
    )


def _steps(lines: list[str], first: int, place: FieldPlace) -> tuple[LessonStep, ...]:
    steps: list[LessonStep] = []
    heading, start, fence = "", first, ""
    body: list[str] = []

    def close() -> None:
        if heading:
            steps.append(_step(heading, body, place.at(start)))
        elif any(line.strip() for line in body):
            raise place.at(first + 1).refuse("Text stands before the first step; begin with '## Step title'.")

    for number, line in enumerate(lines[first:], start=first):
        mark = FENCE.match(line)
        if mark:
            fence = "" if fence and not mark[2] and len(mark[1]) >= len(fence) else fence or mark[1]
        if not fence and (line.startswith("## ") or line.rstrip() == "##"):
            close()
            heading, body, start = line[2:].strip(), [], number + 1
            if not heading:
                raise place.at(start).refuse("A step needs a title after '##'.")
        else:
            body.append(line)
    close()
    if not steps:
        raise place.at(len(lines)).refuse("A lesson needs at least one step, '## Step title'.")
    if len(steps) > MOST_STEPS:
        raise place.at(len(lines)).refuse(f"A lesson has {MOST_STEPS} steps at most; split it.")
    return tuple(steps)


def _step(title: str, body: list[str], place: FieldPlace) -> LessonStep:
    """`place` is the line of the heading; the body follows it."""
    text, blocks = read_blocks(body, place, kinds=BLOCKS)
    if not text:
        raise place.refuse(f"The step {title!r} has no text.")
    readers: Mapping[str, Callable[[list[str], FieldPlace], Any]] = {
        "state": _state,
        "question": _question,
        "notes": _notes,
    }
    found = {kind: readers[kind](inside, where) for kind, (inside, where) in blocks.items()}
    return LessonStep(title=title, text=text, **found)


def _notes(lines: list[str], place: FieldPlace) -> str:
    notes = "\n".join(lines).strip()
    if not notes:
        raise place.refuse("The notes are empty; write some or leave the block out.")
    return notes


def _question(lines: list[str], place: FieldPlace) -> LessonQuestion:
    asked = read_fields(lines, place, required=("prompt", "options", "answer", "explanation"))
    options = asked.names("options")
    if len(options) < 2:
        raise asked.where("options").refuse("A question needs two options at least.")
    return LessonQuestion(
        prompt=asked.words("prompt"),
        options=options,
        answer=asked.whole("answer", least=1, most=len(options)) - 1,
        explanation=asked.words("explanation"),
    )


def _state(lines: list[str], place: FieldPlace) -> StepState:
    said = read_fields(
        lines,
        place,
        required=("task", "sample", "models", "view"),
        optional=("attack", "eps", "steps", "defence", "sparsity"),
    )
    view = said.among("view", tuple(VIEWS))
    missing = [key for key in VIEWS[view] if key not in said.values]
    if missing:
        raise place.refuse(f"The view {view!r} needs {missing[0]!r} too.")
    named = "attack" in said.values
    attack = said.among("attack", tuple(key for key, each in ATTACKS.items() if limits.in_lab(each))) if named else None
    most = ATTACKS[attack].most_steps if attack else limits.MOST_PASSES
    return StepState(
        task=said.among("task", tuple(TASKS)),
        sample=said.words("sample"),
        models=said.names("models"),
        view=view,
        attack=attack,
        eps=_eps(said.values["eps"], said.where("eps"), attack) if "eps" in said.values else None,
        steps=said.whole("steps", least=1, most=most) if "steps" in said.values else None,
        defence=said.among("defence", DEFENCES) if "defence" in said.values else None,
        sparsity=said.share("sparsity", most=MOST_SPARSITY) if "sparsity" in said.values else None,
    )


def _eps(value: object, place: FieldPlace, attack: str | None) -> float:
    try:
        return parse_eps(str(value), norm=ATTACKS[attack].norm if attack else "linf")
    except AttackError as error:
        raise place.refuse(f"{error}.") from error
