"""A lesson built in the form is one that the page reads, with a teacher's own scan in it."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from refusals import refused_as
from streamlit.testing.v1 import AppTest

from dashboard.services.lessons.build import as_markdown, key_of, save
from dashboard.services.lessons.fields import LessonError
from dashboard.services.lessons.model import Lesson, LessonQuestion, LessonStep, parse, read_shelf
from meddef_core.data.own_samples import keep_scan, own_samples
from meddef_core.errors import DataError
from meddef_core.scans import Scan
from meddef_core.scans.decode import read_scan

TEACH = "dashboard/views/teach/page.py"
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30)


@pytest.mark.parametrize("lesson", read_shelf().lessons, ids=lambda lesson: lesson.key)
def test_every_shipped_lesson_survives_being_written_and_read(lesson: Lesson) -> None:
    assert parse(as_markdown(lesson), name=f"{lesson.key}.md") == lesson


@settings(max_examples=40, deadline=None)
@given(WORDS, WORDS, WORDS, WORDS)
def test_whatever_is_typed_is_read_back_or_refused(title: str, text: str, prompt: str, option: str) -> None:
    question = LessonQuestion(prompt=prompt, options=(option, option + "!"), answer=1, explanation=text)
    step = LessonStep(title=title, text=text, question=question, notes=prompt)
    lesson = Lesson(key="a", title=title, summary=text, minutes=1, order=1, steps=(step,))
    try:
        written = as_markdown(lesson)
    except LessonError:
        return
    assert parse(written, name="a.md") == lesson


def test_text_that_would_begin_a_step_is_refused() -> None:
    step = LessonStep(title="One", text="Text.\n## Two\nMore.")
    with refused_as(LessonError, "classroom.title-text"):
        as_markdown(Lesson(key="a", title="A", summary="B", minutes=1, order=1, steps=(step,)))


def test_a_title_becomes_a_file_name_and_no_lesson_replaces_another(tmp_path: Path) -> None:
    assert key_of("What a Réseau sees?") == "what-a-reseau-sees"
    assert key_of("../../x") == "x" and key_of("第一课").startswith("lesson-")
    lesson = replace(read_shelf().lessons[0], key="mine")
    save(lesson, tmp_path)
    with refused_as(LessonError, "lessons.there-lesson"):
        save(lesson, tmp_path)


def own(folder: Path) -> Scan:
    """A small scan of a teacher's, read from a file."""
    pixels = np.random.default_rng(0).integers(0, 256, (80, 60)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return read_scan(file.getvalue())


def test_an_own_scan_keeps_its_pixels_and_nothing_else(tmp_path: Path) -> None:
    scan = own(tmp_path)
    kept = keep_scan(scan, tmp_path, task="oct", truth="CNV")
    (found,) = own_samples(tmp_path, task="oct")
    assert found == kept and found.truth == "CNV" and own_samples(tmp_path, task="chest") == []
    assert np.abs(found.load().pixels - scan.pixels).max() < 1e-4 and found.load().tags == {}
    assert own_samples(None, task="oct") == []
    with pytest.raises(DataError):
        keep_scan(scan, tmp_path, task="oct", truth="../x")


def test_the_form_saves_a_lesson_that_then_opens(
    start: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_scan(own(tmp_path), tmp_path, task="oct", truth=None)
    (sample,) = own_samples(tmp_path, task="oct")
    monkeypatch.setenv("MEDDEF_LESSONS_DIR", str(tmp_path))
    app = start()
    app.switch_page(TEACH).run()
    app.segmented_control(key="teach_mode").set_value("build").run()
    app.button(key="teach_build_save").click().run()
    assert "needs a title" in app.error[0].value
    app.text_input(key="teach_build_title").set_value("My first lesson")
    app.text_input(key="teach_build_summary").set_value("A scan of ours.")
    app.text_input(key="teach_build_title_0").set_value("Look")
    app.text_area(key="teach_build_text_0").set_value("What do you see?")
    app.selectbox(key="teach_build_view_0").set_value("reading").run()
    app.selectbox(key="teach_build_scan_0_oct").set_value(sample.key)
    app.text_input(key="teach_build_ask_0").set_value("Which?").run()
    app.text_area(key="teach_build_options_0").set_value("One\nTwo").run()
    app.selectbox(key="teach_build_answer_0").set_value("Two").run()
    app.button(key="teach_build_save").click().run()
    assert not app.exception and "my-first-lesson.md" in app.success[0].value
    (lesson,) = read_shelf(tmp_path).lessons
    assert lesson.steps[0].state is not None and lesson.steps[0].state.sample == sample.key
    asked = LessonQuestion(prompt="Which?", options=("One", "Two"), answer=1, explanation="Two")
    assert lesson.steps[0].question == asked
    app.segmented_control(key="teach_mode").set_value("lessons").run()
    app.button(key="teach_open_my-first-lesson").click().run()
    assert not app.exception and "Look" in [header.value for header in app.header]
