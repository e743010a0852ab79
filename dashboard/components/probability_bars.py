"""A model's output in words and as one bar a class."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.scan_level import population_line, probability_note
from dashboard.components.words import class_words, percent
from dashboard.language import tr
from dashboard.services.results.common import Reading
from dashboard.services.tasks import Task


def output_card(reading: Reading, *, task: Task, truth: str | None) -> None:
    """The prediction, whether it is right where that is known, and every class's probability."""
    st.caption(tr("Model output of {model}", model=tr(reading.model.title)))
    st.subheader(f"{class_words(task, reading.label)} · {percent(reading.probability)}", anchor=False)
    truth_line(reading.label, task=task, truth=truth)
    probability_bars(reading, task=task)
    st.caption(probability_note([reading]))
    population_line(task)
    if reading.prediction.calibrated is not None:
        _technical(reading)


def _technical(reading: Reading) -> None:
    """The one place that shows the raw softmax."""
    softmax = zip(reading.classes, reading.prediction.probabilities, strict=True)
    with st.expander(tr("Technical details"), key="diagnose_technical"):
        st.caption(
            tr(
                "Temperature {temperature}, fitted on validation patients. Raw softmax before it: {shares}.",
                temperature=f"{reading.prediction.temperature:.2f}",
                shares=", ".join(f"{name} {percent(share)}" for name, share in softmax),
            )
        )


def truth_line(label: str, *, task: Task, truth: str | None) -> None:
    """Right or wrong, said in words; nothing where the truth is not known."""
    if truth is None:
        st.caption(tr("The true class of this scan is not known here."))
        return
    known = class_words(task, truth)
    if truth == label:
        st.markdown(f":material/check_circle: **{tr('Correct.')}** {tr('Known class: {label}.', label=known)}")
    else:
        st.error(f"**{tr('Wrong output.')}** {tr('The known class is {label}.', label=known)}", icon=":material/error:")


def probability_bars(reading: Reading, *, task: Task) -> None:
    """One native bar a class, largest first, its percentage as text."""
    class_bars(reading.classes, reading.shares, label=reading.label, task=task)


def class_bars(classes: Sequence[str], shares: Sequence[float], *, label: str, task: Task) -> None:
    """One native bar a class, largest first, its percentage as text; the one of `label` is bold."""
    for name, share in sorted(zip(classes, shares, strict=True), key=lambda pair: -pair[1]):
        words = f"{class_words(task, name)} · {percent(share)}"
        st.progress(min(max(share, 0.0), 1.0), text=f"**{words}**" if name == label else words)
