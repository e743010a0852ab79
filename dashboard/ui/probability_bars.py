"""A model's output in words and as one bar a class."""

import streamlit as st

from dashboard.results import Reading
from dashboard.ui.words import class_words, percent
from meddef_core.data.tasks import Task

UNCALIBRATED = "Shares of the model's own scoring (softmax), not calibrated: they do not say how likely a disease is."


def output_card(reading: Reading, *, task: Task, truth: str | None) -> None:
    """The model output, whether it is right where that is known, and every class's probability."""
    st.caption(f"Model output of {reading.model.title}")
    st.subheader(f"{class_words(task, reading.label)} · {percent(reading.probability)}", anchor=False)
    truth_line(reading.label, task=task, truth=truth)
    probability_bars(reading, task=task)
    st.caption(UNCALIBRATED)


def truth_line(label: str, *, task: Task, truth: str | None) -> None:
    """Right or wrong, said in words; nothing where the truth is not known."""
    if truth is None:
        st.caption("The true class of this scan is not known here.")
    elif truth == label:
        st.markdown(f":material/check_circle: **Correct.** Known class: {class_words(task, truth)}.")
    else:
        st.error(f"**Wrong output.** The known class is {class_words(task, truth)}.", icon=":material/error:")


def probability_bars(reading: Reading, *, task: Task) -> None:
    """One native bar a class, largest first, its percentage as text."""
    ranked = sorted(zip(reading.classes, reading.probabilities, strict=True), key=lambda pair: -pair[1])
    for label, probability in ranked:
        words = f"{class_words(task, label)} · {percent(probability)}"
        st.progress(probability, text=f"**{words}**" if label == reading.label else words)
