"""The lesson files: what they say comes back as it was written, and a malformed one is refused by file and line."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.services import limits
from dashboard.services.lessons.fields import LessonError
from dashboard.services.lessons.model import (
    DEFENCES,
    LESSONS,
    VIEWS,
    Lesson,
    LessonQuestion,
    LessonStep,
    StepState,
    parse,
    read_shelf,
)
from meddef_core.auditing.broken.defences import get_broken

GOOD = """---
title: A lesson
summary: About something.
minutes: 5
order: 1
---

## First step

Some text.

```state
task: oct
sample: synthetic-CNV
models: [undefended, meddef]
attack: pgd
eps: 4/255
view: attack
```

```question
prompt: Which?
options:
  - this
  - that
answer: 2
explanation: Because.
```

```notes
Slowly.
```
"""


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if words in line)


def refusal(text: str) -> str:
    with pytest.raises(LessonError) as caught:
        parse(text, name="lesson.md")
    return str(caught.value)


def test_a_lesson_is_read_whole() -> None:
    lesson = parse(GOOD, name="lesson.md")
    (step,) = lesson.steps
    assert (lesson.key, lesson.title, lesson.minutes, lesson.order) == ("lesson", "A lesson", 5, 1)
    assert (step.title, step.text, step.notes) == ("First step", "Some text.", "Slowly.")
    assert step.state == StepState(
        task="oct", sample="synthetic-CNV", models=("undefended", "meddef"), view="attack", attack="pgd", eps=4 / 255
    )
    assert step.question == LessonQuestion(prompt="Which?", options=("this", "that"), answer=1, explanation="Because.")


@pytest.mark.parametrize(
    ("found", "put", "at", "said"),
    [
        ("---\ntitle", "title", "title", "begins with front matter"),
        ("minutes: 5\n", "", "title", "'minutes' is missing"),
        ("minutes: 5", "minutes: long", "minutes", "whole number from 1"),
        ("minutes: 5", "minutes: true", "minutes", "whole number"),
        ("order: 1", "order: 1\norder: 2", "order: 2", "stands here twice"),
        ("order: 1", "order: 1\nauthor: me", "author", "There is no 'author'"),
        ("title: A lesson", "title: A: lesson", "title", "no YAML"),
        ("## First step", "First step", "First step", "before the first step"),
        ("## First step", "##", "##", "needs a title"),
        ("Some text.\n", "", "## First", "has no text"),
        ("task: oct", "task: knee", "task", "There is no task 'knee'"),
        ("view: attack", "view: telescope", "view", "There is no view"),
        ("attack: pgd\n", "", "task", "needs 'attack' too"),
        ("attack: pgd", "attack: noise", "attack: noise", "There is no attack 'noise'"),
        ("eps: 4/255", "eps: 4/0", "eps", "epsilon must look like"),
        ("eps: 4/255", "eps: 4", "eps", "pixel units"),
        ("eps: 4/255", "eps: 4/255\nsteps: 100000", "steps", "whole number from 1"),
        ("models: [undefended, meddef]", "models: [meddef, meddef]", "models", "twice"),
        ("models: [undefended, meddef]", "models: []", "models", "list of words"),
        ("answer: 2", "answer: 3", "answer", "from 1 to 2"),
        ("  - that\n", "", "options", "two options"),
        ("Because.\n```", "Because.", "```question", "not closed"),
        ("Slowly.\n", "", "```notes", "notes are empty"),
    ],
)
def test_a_malformed_lesson_is_refused_by_file_and_line(found: str, put: str, at: str, said: str) -> None:
    text = GOOD.replace(found, put, 1)
    assert text != GOOD
    message = refusal(text)
    named = re.fullmatch(r"lesson\.md, line (\d+): .+\.", message, re.DOTALL)
    assert named, message
    assert said in message
    assert abs(int(named[1]) - line_of(text, at)) <= 1, message


def test_blocks_of_other_kinds_stay_in_the_text_and_hide_their_headings() -> None:
    text = GOOD.replace("Some text.", "Some text.\n\n````python\n## no step\n```state\n````")
    (step,) = parse(text, name="lesson.md").steps
    assert "## no step" in step.text and step.state is not None


@pytest.mark.parametrize("text", ["", "---", "---\n---", "---\n- a\n---\n", "---\ntitle: [\n---\n", "---\n? 1\n---"])
def test_a_broken_beginning_is_one_sentence(text: str) -> None:
    assert refusal(text).startswith("lesson.md, line ")


# ---- what is written comes back ------------------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12)
line = st.lists(words, min_size=1, max_size=4).map(" ".join).filter(lambda text: not text.startswith(("#", "`")))
block = st.lists(line, min_size=1, max_size=3).map("\n".join)


@st.composite
def questions(draw: st.DrawFn) -> LessonQuestion:
    options = draw(st.lists(line, min_size=2, max_size=4, unique=True))
    answer = draw(st.integers(0, len(options) - 1))
    return LessonQuestion(prompt=draw(line), options=tuple(options), answer=answer, explanation=draw(line))


states = st.builds(
    StepState,
    task=st.sampled_from(("oct", "chest")),
    sample=line,
    models=st.lists(line, min_size=1, max_size=3, unique=True).map(tuple),
    view=st.sampled_from(tuple(VIEWS)),
    attack=st.sampled_from(("fgsm", "pgd", "square")),
    eps=st.integers(0, 255).map(lambda k: k / 255),
    steps=st.none() | st.integers(1, 50),
    defence=st.sampled_from(DEFENCES),
    sparsity=st.floats(0, 0.9),
)
steps = st.builds(
    LessonStep,
    title=line,
    text=block,
    state=st.none() | states,
    question=st.none() | questions(),
    notes=st.none() | block,
)
written_lessons = st.builds(
    Lesson,
    key=st.just("lesson"),
    title=line,
    summary=line,
    minutes=st.integers(1, 240),
    order=st.integers(0, 99),
    steps=st.lists(steps, min_size=1, max_size=3).map(tuple),
)


def as_file(lesson: Lesson) -> str:
    """The lesson as its author would write it."""
    about = {name: getattr(lesson, name) for name in ("title", "summary", "minutes", "order")}
    parts = [f"---\n{dump(about)}---\n"]
    for step in lesson.steps:
        parts.append(f"## {step.title}\n\n{step.text}\n")
        if step.state is not None:
            said = {name: value for name, value in vars(step.state).items() if value is not None}
            said |= {"models": list(step.state.models), "eps": f"{round(255 * (step.state.eps or 0))}/255"}
            parts.append(f"```state\n{dump(said)}```\n")
        if step.question is not None:
            asked = vars(step.question) | {"options": list(step.question.options), "answer": step.question.answer + 1}
            parts.append(f"```question\n{dump(asked)}```\n")
        if step.notes is not None:
            parts.append(f"```notes\n{step.notes}\n```\n")
    return "\n".join(parts)


def dump(values: dict[str, object]) -> str:
    return str(yaml.safe_dump(values, allow_unicode=True, width=10_000))


@settings(max_examples=60, deadline=None)
@given(written_lessons)
def test_what_is_written_comes_back(lesson: Lesson) -> None:
    found = parse(as_file(lesson), name="lesson.md")
    assert len(found.steps) == len(lesson.steps)
    for step, own in zip(found.steps, lesson.steps, strict=True):
        assert step.state == (None if own.state is None else replace(own.state, eps=step.state and step.state.eps))
        assert (step.title, step.text, step.question, step.notes) == (own.title, own.text, own.question, own.notes)
    assert replace(found, steps=()) == replace(lesson, steps=())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_broken_is_refused_in_one_way(data: st.DataObject) -> None:
    """A line lost, doubled or garbled is read, or refused with file and line; nothing else is ever raised."""
    lines = GOOD.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at : at + 1] = data.draw(st.sampled_from([[], [lines[at]] * 2]) | line.map(lambda text: [text]))
    try:
        parse("\n".join(lines), name="lesson.md")
    except LessonError as error:
        named = re.match(r"lesson\.md, line (\d+): ", str(error))
        assert named and 1 <= int(named[1]) <= len(lines) + 1


# ---- the shelf -----------------------------------------------------------------------------------------------------


def test_a_malformed_file_is_refused_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.md").write_text(GOOD.replace("view: attack", "view: telescope"), encoding="utf-8")
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe\x00")
    shelf = read_shelf(tmp_path)
    assert [lesson.key for lesson in shelf.lessons] == ["good"]
    assert len(shelf.problems) == 2
    assert shelf.problems[0].startswith(f"bad.md, line {line_of(GOOD, 'view')}: ")
    assert shelf.problems[1].startswith("binary.md, line 1: ")


def test_a_translation_brings_words_and_keeps_the_state(tmp_path: Path) -> None:
    (tmp_path / "zh").mkdir()
    (tmp_path / "lesson.md").write_text(GOOD, encoding="utf-8")
    words = re.sub(r"```state.*?```\n", "", GOOD, flags=re.DOTALL).replace("A lesson", "一课")
    (tmp_path / "zh" / "lesson.md").write_text(words, encoding="utf-8")
    (lesson,) = read_shelf(tmp_path, language="zh").lessons
    assert (lesson.title, lesson.language) == ("一课", "zh")
    assert lesson.steps[0].state == parse(GOOD, name="lesson.md").steps[0].state
    (tmp_path / "zh" / "lesson.md").write_text(words.replace("answer: 2", "answer: 1"), encoding="utf-8")
    shelf = read_shelf(tmp_path, language="zh")
    assert shelf.lessons[0].language == "en"
    assert "zh/lesson.md, line 1: Step 1 does not ask" in shelf.problems[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_shipped_lessons_are_whole(language: str) -> None:
    shelf = read_shelf(language=language)
    assert not shelf.problems
    assert len(shelf.lessons) >= 6
    assert len({lesson.order for lesson in shelf.lessons}) == len(shelf.lessons)
    for lesson in shelf.lessons:
        assert lesson.language == language
        assert any(step.state is not None for step in lesson.steps), "every lesson computes something"
        assert any(step.question is not None for step in lesson.steps)
        assert any(step.notes is not None for step in lesson.steps)


def test_every_live_card_and_every_broken_defence_is_taught() -> None:
    states = [step.state for lesson in read_shelf().lessons for step in lesson.steps if step.state]
    assert {state.view for state in states} == set(VIEWS)
    assert {state.defence for state in states if state.defence} == set(DEFENCES)
    assert all(get_broken(name) for name in DEFENCES)
    assert all(len(state.models) <= limits.MOST_MODELS for state in states)


@pytest.mark.parametrize("path", sorted(LESSONS.rglob("*.md")), ids=lambda path: str(path.relative_to(LESSONS)))
def test_no_number_is_typed_into_a_lesson(path: Path) -> None:
    """Numbers come from the live card or from records; years of a citation are no measurement."""
    lesson = parse(path.read_text(encoding="utf-8"), name=path.name)
    for step in lesson.steps:
        asked = step.question
        prose = [step.text, step.notes or "", *((asked.prompt, *asked.options, asked.explanation) if asked else ())]
        assert not re.findall(r"(?<!\d)(?!(?:19|20)\d\d\b)\d+", "\n".join(prose)), step.title
