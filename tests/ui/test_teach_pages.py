"""Every step of every lesson, the links that lead there, and what a link may not ask for."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from app_driving import LAB, speak_chinese, text_of
from streamlit.testing.v1 import AppTest

from dashboard.services.lessons import model as lessons
from dashboard.services.lessons.model import read_shelf

TEACH = "dashboard/views/teach/page.py"
SHELF = read_shelf()
ATTACK = {"lesson": "a-change-you-cannot-see", "step": "1"}
SHOWN = ("Changed.", "The model output", "**Wrong", "The patient's age")
"""How errors begin that a lesson is there to show."""


pytestmark = pytest.mark.usefixtures("short_work")


def opened(app: AppTest, **parameters: str) -> AppTest:
    """The page as a link opens it."""
    app.switch_page(TEACH)
    app.query_params.update(parameters)
    return app.run()


@pytest.mark.parametrize("lesson", SHELF.lessons, ids=lambda lesson: lesson.key)
def test_every_step_of_a_lesson_opens(app: AppTest, lesson: lessons.Lesson) -> None:
    app.switch_page(TEACH).run()
    app.button(key=f"teach_open_{lesson.key}").click().run()
    for number, step in enumerate(lesson.steps):
        assert not app.exception, f"{lesson.key}, step {number + 1}"
        assert step.title in [header.value for header in app.header]
        assert [e.value for e in app.error if not e.value.startswith(SHOWN)] == []
        if number + 1 < len(lesson.steps):
            app.button(key="teach_next").click().run()
    assert app.button(key="teach_next").disabled


def test_the_list_says_what_is_there_and_what_was_refused(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in lessons.LESSONS.glob("*.md"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    broken = "---\ntitle: A\nsummary: b\nminutes: 1\norder: one\n---\n## A step\nText.\n"
    (tmp_path / "zz-broken.md").write_text(broken, encoding="utf-8")
    monkeypatch.setenv("MEDDEF_LESSONS_DIR", str(tmp_path))
    app.switch_page(TEACH).run()
    assert not app.exception
    assert len([b for b in app.button if str(b.key).startswith("teach_open_")]) == len(SHELF.lessons)
    (refused,) = [warning.value for warning in app.warning if "zz-broken.md" in warning.value]
    assert "zz-broken.md, line 5: 'order' must be a whole number" in refused


def test_a_link_opens_exactly_its_state(app: AppTest) -> None:
    opened(app, **ATTACK, sample="synthetic-DME", model="meddef", attack="fgsm", eps="3/255")
    assert not app.exception
    suffix = "a-change-you-cannot-see_0"
    assert app.selectbox(key=f"teach_sample_{suffix}").value == "synthetic-DME"
    assert app.pills(key=f"teach_model_{suffix}").value == ["meddef"]
    assert app.selectbox(key=f"teach_attack_{suffix}").value == "fgsm"
    assert app.selectbox(key=f"teach_eps_{suffix}").value == pytest.approx(3 / 255)
    said = text_of(app)
    assert "ε = 3/255" in said and "**MedDef**" in said and "**Undefended**" not in said
    assert "Synthetic B-scan, DME" in said


def test_the_link_of_a_step_leads_back_to_what_a_reader_changed(app: AppTest, start: Callable[[], AppTest]) -> None:
    opened(app, **ATTACK)
    app.selectbox(key="teach_sample_a-change-you-cannot-see_0").set_value("synthetic-NORMAL").run()
    app.selectbox(key="teach_eps_a-change-you-cannot-see_0").set_value(8 / 255).run()
    (link,) = [code.value for code in app.code if "lesson=" in code.value]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    assert asked == ATTACK | {"sample": "synthetic-NORMAL", "model": "undefended", "attack": "pgd", "eps": "8/255"}
    other = opened(start(), **asked)
    assert other.selectbox(key="teach_sample_a-change-you-cannot-see_0").value == "synthetic-NORMAL"
    assert "ε = 8/255" in text_of(other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample": "your upload"},
        {"sample": "../secret"},
        {"model": "meddef,nobody"},
        {"attack": "noise"},
        {"attack": "transfer"},
        {"eps": "5"},
        {"eps": "nan"},
        {"eps": "x"},
    ],
)
def test_what_a_link_may_not_ask_for_is_left_out_and_said(app: AppTest, wrong: dict[str, str]) -> None:
    opened(app, **ATTACK, **wrong)
    assert not app.exception
    assert any("The link asked for something" in warning.value for warning in app.warning)
    assert "ε = 4/255" in text_of(app)


@pytest.mark.parametrize("step", ["0", "-1", "99", "x", "9" * 40])
def test_a_step_that_is_not_there_is_the_nearest_one(app: AppTest, step: str) -> None:
    opened(app, lesson="pruning", step=step)
    assert not app.exception and len(app.header) == 1
    (said,) = [warning.value for warning in app.warning if "a step that this lesson does not have" in warning.value]
    steps = len(next(lesson for lesson in SHELF.lessons if lesson.key == "pruning").steps)
    assert f"step {steps if step == '99' else 1} is shown" in said


def test_a_lesson_that_is_not_there_is_said(app: AppTest) -> None:
    opened(app, lesson="../../etc/passwd", step="1")
    assert not app.exception
    assert any("no such lesson" in warning.value for warning in app.warning)


def test_a_question_is_asked_before_it_is_answered(app: AppTest) -> None:
    question = read_shelf().lessons[-1].steps[-1].question
    assert question is not None
    key, number = SHELF.lessons[-1].key, len(SHELF.lessons[-1].steps)
    opened(app, lesson=key, step=str(number))
    assert question.explanation not in text_of(app)
    app.radio(key=f"teach_answer_{key}_{number - 1}").set_value(1 - question.answer).run()
    assert question.explanation not in text_of(app)
    app.button(key=f"teach_reveal_{key}_{number - 1}").click().run()
    assert question.explanation in text_of(app)
    assert any(error.value.startswith("**Not quite.**") for error in app.error)


def test_notes_are_for_the_projector_alone_and_its_page_opens_at_the_step(app: AppTest) -> None:
    notes = next(lesson for lesson in SHELF.lessons if lesson.key == "what-a-network-sees").steps[1].notes
    opened(app, lesson="what-a-network-sees", step="2")
    assert notes is not None and notes not in text_of(app)
    (address,) = (each.proto.url for each in app.get("link_button"))
    assert address == "/present?lesson=what-a-network-sees&step=2&lang=en"


def test_a_step_goes_on_in_the_laboratory(app: AppTest) -> None:
    opened(app, **ATTACK, sample="synthetic-DME", eps="3/255")
    app.button(key="teach_to_lab").click().run()
    app.switch_page(LAB).run()
    assert not app.exception
    assert app.session_state["chosen"].sample == "synthetic-DME"
    assert app.selectbox(key="attack_white_box").value == "pgd"
    assert app.select_slider(key="eps_linf").value == pytest.approx(3 / 255)
    assert app.pills(key="compare_oct").value == ["oct/undefended"]


def test_a_lesson_is_read_in_chinese(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_chinese(app, monkeypatch)
    opened(app, **ATTACK)
    assert not app.exception
    assert "同一幅影像，看两次" in [header.value for header in app.header]
    assert app.pills(key="teach_model_a-change-you-cannot-see_0").options == ["MedDef", "无防御"]
    assert "**无防御**" in text_of(app)


def test_a_broken_defence_is_measured_and_then_seen_through(app: AppTest) -> None:
    """What swallows its error moves no pixel; who knows that uses the whole budget."""
    opened(app, lesson="why-a-robust-number-can-lie", step="3")
    assert "ε = 4/255 (0.0157); largest change of a pixel, measured: 0/255" in text_of(app)
    assert "**The flaw.**" not in text_of(app)
    app.toggle(key="teach_adaptive_swallowed_exception").set_value(True).run()
    assert not app.exception
    assert "measured: 4.00/255" in text_of(app) or "measured: 4/255" in text_of(app)
    assert "**The flaw.** Images that were never attacked count as robust." in text_of(app)


def test_a_pruned_model_keeps_the_share_asked_for(app: AppTest) -> None:
    opened(app, lesson="pruning", step="1", sparsity="0.9")
    assert not app.exception
    kept = [bar.text for bar in app.get("progress") if "weights kept" in bar.text]
    assert len(kept) == 2 and all("(10.0%)" in text for text in kept)
