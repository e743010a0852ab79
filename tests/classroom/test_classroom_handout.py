"""Each lesson on paper: two to six pages, no missing picture, the answers on the last page alone."""

import io
import re

import pytest
from pypdf import PageObject, PdfReader

from dashboard.classroom import figures as drawn
from dashboard.classroom.handout import handout, letter, plain
from dashboard.classroom.words import Translator
from dashboard.services import classroom as computed
from dashboard.services.lessons.model import StepState, read_shelf

SHELF = read_shelf().lessons


@pytest.fixture(autouse=True)
def short_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step an attack: these tests are about the pages."""
    monkeypatch.setattr(computed, "STEPS", 1)
    monkeypatch.setattr(drawn, "QUERIES", 2)


def pictures_on(page: PageObject) -> int:
    """How many pictures are drawn on a page; the same picture twice, as the clean scan of two models, counts twice."""
    contents = page.get_contents()
    return 0 if contents is None else len(re.findall(rb"/\S+ Do\b", contents.get_data()))


def printed(key: str, language: str) -> PdfReader:
    lesson = next(each for each in read_shelf(language=language).lessons if each.key == key)
    return PdfReader(io.BytesIO(handout(lesson, language=language)))


@pytest.mark.parametrize("key", [lesson.key for lesson in SHELF])
def test_a_handout_has_few_pages_all_pictures_and_its_answers_last(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[drawn.Figures] = []

    def heard(state: StepState, tr: Translator) -> drawn.Figures:
        made.append(drawn.figures(state, tr))
        return made[-1]

    monkeypatch.setattr("dashboard.classroom.handout.figures", heard)
    lesson, file = next(each for each in SHELF if each.key == key), printed(key, "en")
    assert 2 <= len(file.pages) <= 6
    assert len(made) == sum(step.state is not None for step in lesson.steps)
    assert sum(map(pictures_on, file.pages)) == sum(len(each.pictures) for each in made)
    *before, last = (" ".join(page.extract_text().split()) for page in file.pages)
    for step in lesson.steps:
        assert step.title.split()[0] in " ".join(before)
        if step.question is not None:
            start = " ".join(step.question.explanation.split()[:5])
            assert start in last and start not in " ".join(before)


def test_a_handout_in_chinese_is_in_chinese() -> None:
    text = "".join(page.extract_text() for page in printed("limits-for-the-clinic", "zh").pages)
    assert "问题的答案" in text


def test_markup_does_not_reach_the_paper() -> None:
    assert plain("A *word* and `code`.\n\n- one\n- two & <b>three</b>") == [
        "A word and code.",
        "one",
        "two & <b>three</b>",
    ]
    assert [letter(place) for place in range(3)] == ["A", "B", "C"]
