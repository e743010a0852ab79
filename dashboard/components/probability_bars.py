"""A model's output in words and as one bar a class."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.words import class_code, class_words, percent
from dashboard.language import tr
from dashboard.services.results.common import Reading
from dashboard.services.tasks import Task


def truth_line(label: str, *, task: Task, truth: str | None) -> None:
    """Right or wrong, said in words; nothing where the truth is not known."""
    if truth is None:
        st.caption(tr("diagnose.true-class", "The true class of this scan is not known here."))
        return
    if truth == label:
        known = tr("diagnose.known-class", "Known class: {label}.", label=class_code(task, truth))
        st.markdown(f":material/check_circle: **{tr('diagnose.correct', 'Correct.')}** {known}")
        return
    known = tr("diagnose.known-class-label", "The known class is {label}.", label=class_words(task, truth))
    st.error(f"**{tr('diagnose.wrong-output', 'Wrong output.')}** {known}", icon=":material/error:")


def probability_bars(reading: Reading, *, task: Task) -> None:
    """One native bar a class, largest first, its percentage as text."""
    class_bars(reading.classes, reading.shares, label=reading.label, task=task)


def class_bars(classes: Sequence[str], shares: Sequence[float], *, label: str, task: Task) -> None:
    """One native bar a class, largest first, its percentage as text; the one of `label` is bold."""
    with st.container(gap="xxsmall"):
        for name, share in sorted(zip(classes, shares, strict=True), key=lambda pair: -pair[1]):
            words = f"{class_words(task, name)} · {percent(share)}"
            st.progress(min(max(share, 0.0), 1.0), text=f"**{words}**" if name == label else words)
