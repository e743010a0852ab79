"""One lesson: its step, the live card, the question, and the ways to a projector and to paper."""

from functools import partial
from urllib.parse import urlencode

import streamlit as st

from dashboard.language import language, tr
from dashboard.services import account, presenter_key, teaching
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.lessons.model import Lesson, LessonQuestion, LessonStep, Shelf, StepState
from dashboard.session import state
from dashboard.session.lesson_place import LessonPlace, go, link_box, parameters, state_at, write
from dashboard.views.teach.cards import live_card
from dashboard.views.teach.controls import step_controls

REVEALED = "teach_revealed"
ACROSS = 3
"""Lessons beside each other; on a telephone they stand below each other."""


def lesson_list(shelf: Shelf) -> None:
    """Every lesson with its length; below, the files that were refused."""
    if not shelf.lessons:
        st.info(tr("teach.there-no", "There is no lesson here; add one to assets/lessons."), icon=":material/info:")
    for start in range(0, len(shelf.lessons), ACROSS):
        row = shelf.lessons[start : start + ACROSS]
        for column, lesson in zip(st.columns(ACROSS, gap="small"), row, strict=False):
            with column.container(border=True, height="stretch"):
                _lesson_tile(lesson)
    if shelf.problems:
        said = "\n".join(f"- {problem}" for problem in shelf.problems)
        st.warning(
            f"{tr('teach.some-lesson', 'Some lesson files were refused; the others stay.')}\n\n{said}",
            icon=":material/rule:",
        )


def _lesson_tile(lesson: Lesson) -> None:
    st.subheader(lesson.title, anchor=False)
    st.markdown(lesson.summary)
    st.caption(
        tr("teach.minutes-minutes", "{minutes} minutes · {n} steps", minutes=lesson.minutes, n=len(lesson.steps))
    )
    st.button(
        tr("teach.open", "Open"),
        key=f"teach_open_{lesson.key}",
        icon=":material/school:",
        on_click=go,
        args=(LessonPlace(lesson.key, 0),),
    )


def lesson_page(lesson: Lesson, place: LessonPlace) -> None:
    """The step at `place`, ready to be read or presented."""
    step = lesson.steps[place.step]
    shown, whole = (None, True) if step.state is None else state_at(place, step.state)
    wanted = parameters(place, shown)
    write(wanted)
    _bar(lesson, place, wanted)
    if lesson.language != language():
        st.caption(tr("teach.lesson-no", "This lesson has no version in your language yet; it is shown in English."))
    if place.moved:
        st.warning(
            tr(
                "teach.link-asked",
                "The link asked for a step that this lesson does not have; step {n} is shown instead.",
                n=place.step + 1,
            ),
            icon=":material/link_off:",
        )
    if not whole:
        st.warning(
            tr(
                "teach.link-asked-something",
                "The link asked for something that is not here; the step's own setting is shown instead.",
            ),
            icon=":material/link_off:",
        )
    st.header(step.title, anchor=False)
    _body(step, shown, place)
    _moves(lesson, place)


def _bar(lesson: Lesson, place: LessonPlace, wanted: dict[str, str]) -> None:
    """Title, where we are, the link, the projector's page and the handout."""
    number, total = place.step + 1, len(lesson.steps)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            tr("teach.all-lessons", "All lessons"),
            key="teach_back",
            icon=":material/arrow_back:",
            on_click=go,
            args=(None,),
        )
        link_box(wanted)
        if account.may("present"):
            st.link_button(
                tr("classroom.open-projector", "Open the projector page"),
                _projector(lesson, place),
                icon=":material/co_present:",
                help=tr(
                    "teach.arrow-keys",
                    "Arrow keys change the step, R reveals the answer, N opens the notes in a second window.",
                ),
            )
        st.download_button(
            tr("classroom.handout-pdf", "Handout (PDF)"),
            partial(_handout, lesson, language()),
            file_name=f"meddef-{lesson.key}.pdf",
            mime="application/pdf",
            key="teach_handout",
            icon=":material/print:",
            on_click="ignore",
            help=tr(
                "teach.all-steps",
                "All steps with their pictures, which are computed now; the answers are on the last page.",
            ),
        )
    st.progress(
        number / total, text=f"**{lesson.title}** · {tr('teach.step-n', 'Step {n} of {total}', n=number, total=total)}"
    )


def _projector(lesson: Lesson, place: LessonPlace) -> str:
    """Address of this step on a page of its own, as its lesson has it."""
    given = {"lesson": lesson.key, "step": str(place.step + 1), "lang": language()}
    key = presenter_key.make()
    return f"/present?{urlencode(given if key is None else given | {'key': key})}"


def _handout(lesson: Lesson, language: str) -> bytes:
    """The file, computed when it is asked for; its libraries are loaded then."""
    from dashboard.classroom.handout import handout

    return handout(lesson, language=language)


def _body(step: LessonStep, shown: StepState | None, place: LessonPlace) -> None:
    """Words, card, question; for a reader the question stands beside the words, so that it is in mind at the card."""
    beside = step.question is not None
    words, question = st.columns([3, 2], gap="large") if beside else (st.container(), None)
    with words:
        st.markdown(step.text)
    if shown is not None and step.state is not None:
        with st.container(border=True):
            step_controls(place, step.state, shown)
            live_card(shown)
            _lab_button(shown)
    if step.question is not None:
        with (question or st.container()).container(border=True):
            _question(step.question, suffix=f"{place.lesson}_{place.step}")


def _question(question: LessonQuestion, *, suffix: str) -> None:
    """Asked first; the answer and its reason on request, with or without a guess."""
    st.markdown(f":material/quiz: **{tr('teach.question', 'Question')}**")
    options = list(range(len(question.options)))
    given = st.radio(
        question.prompt, options, index=None, format_func=question.options.__getitem__, key=f"teach_answer_{suffix}"
    )
    key = f"{REVEALED}_{suffix}"
    if st.button(
        tr("teach.reveal-answer", "Reveal the answer"), key=f"teach_reveal_{suffix}", icon=":material/visibility:"
    ):
        st.session_state[key] = True
    if not st.session_state.get(key):
        return
    right = question.options[question.answer]
    if given is None:
        st.info(f"**{right}**", icon=":material/lightbulb:")
    elif given == question.answer:
        st.success(f"**{tr('teach.right-2', 'Right.')}** {right}", icon=":material/check_circle:")
    else:
        st.error(f"**{tr('teach.not-quite', 'Not quite.')}** {right}", icon=":material/cancel:")
    st.markdown(question.explanation)


def _moves(lesson: Lesson, place: LessonPlace) -> None:
    """Back and on."""
    last = len(lesson.steps) - 1
    with st.container(horizontal=True, gap="small"):
        st.button(
            tr("teach.previous-step", "Previous step"),
            key="teach_previous",
            icon=":material/chevron_left:",
            disabled=place.step == 0,
            on_click=go,
            args=(LessonPlace(lesson.key, max(0, place.step - 1)),),
        )
        st.button(
            tr("teach.next-step", "Next step"),
            key="teach_next",
            type="primary",
            icon=":material/chevron_right:",
            icon_position="right",
            disabled=place.step == last,
            on_click=go,
            args=(LessonPlace(lesson.key, min(last, place.step + 1)),),
        )


def _lab_button(shown: StepState) -> None:
    """The same scan, models and budget in the laboratory, where everything can be changed."""
    if shown.attack is None or shown.eps is None:
        return
    if st.button(
        tr("teach.open-attack", "Open in the Attack lab"),
        key="teach_to_lab",
        icon=":material/experiment:",
        on_click=_set_lab,
        args=(shown,),
    ):
        st.switch_page("dashboard/views/attack_lab/page.py")


def _set_lab(shown: StepState) -> None:
    """Leave the laboratory's form as the step has it; its widgets read these keys."""
    option = services.option(shown.attack or "pgd")
    try:
        sample = teaching.find_sample(shown.sample)
    except MedDefError as error:
        state.refuse(str(error))
        return
    st.session_state["task"] = shown.task
    state.choose_sample(sample)
    st.session_state[f"compare_{shown.task}"] = [f"{shown.task}/{name}" for name in shown.models]
    st.session_state["threat"] = option.threat
    st.session_state[f"attack_{option.threat.replace(' ', '_')}"] = option.key
    st.session_state[f"eps_{option.norm}"] = shown.eps
