"""Page "Teach": lessons with live steps, and a quiz for a class."""

import streamlit as st

from dashboard.language import language, tr
from dashboard.services.lessons.model import read_shelf
from dashboard.services.settings import settings
from dashboard.services.words import Text
from dashboard.session import lesson_place as teach_place
from dashboard.views.teach.builder import builder_page
from dashboard.views.teach.lesson import lesson_list, lesson_page
from dashboard.views.teach.quiz import quiz_page

MODES = {
    "lessons": Text("teach.lessons", "Lessons"),
    "quiz": Text("teach.quiz", "Quiz"),
    "build": Text("classroom.build-lesson", "Build a lesson"),
}


def page() -> None:
    """The lesson that is open, or the list of them, or the quiz."""
    st.title(tr("app.teach", "Teach"), anchor=False)
    if settings().classroom:
        st.link_button(tr("classroom.classroom", "To the classroom"), "/class/teacher", icon=":material/groups:")
    place = teach_place.current()
    if place is None:
        mode = st.segmented_control(
            tr("teach.what-do", "What to do"),
            list(MODES),
            default="lessons",
            required=True,
            format_func=lambda key: tr(MODES[key]),
            key="teach_mode",
            persist_state="session",
            label_visibility="collapsed",
        )
        teach_place.write({})
        if mode == "quiz":
            quiz_page()
            return
        if mode == "build":
            builder_page()
            return
    shelf = read_shelf(language=language())
    if place is None:
        st.markdown(
            tr(
                "teach.each-step",
                "Each step computes on this server's models at the moment you open it, and asks before it tells. "
                "Everything on a card can be changed, and every step has its own link.",
            )
        )
        lesson_list(shelf)
        return
    lesson = next((each for each in shelf.lessons if each.key == place.lesson), None)
    if lesson is None:
        st.warning(
            tr("teach.there-no-such", "There is no such lesson here; choose one of these."), icon=":material/link_off:"
        )
        teach_place.go(None)
        teach_place.write({})
        lesson_list(shelf)
        return
    lesson_page(lesson, teach_place.bounded(place, lesson))


page()
