"""A model's output in words and as one bar a class."""

from collections.abc import Sequence

import streamlit as st

from dashboard.language import tr
from dashboard.reading_results import Judgement
from dashboard.results import Reading
from dashboard.ui.words import class_words, percent
from meddef_core.data.tasks import Task

UNCALIBRATED = "Shares of the model's own scoring (softmax), not calibrated: they do not say how likely a disease is."


def output_card(reading: Reading, judgement: Judgement, *, task: Task, truth: str | None) -> None:
    """The model output, whether it is right where that is known, and every class's probability."""
    shares = judgement.calibrated or reading.probabilities
    top = shares[reading.classes.index(reading.label)]
    st.caption(tr("Model output of {model}", model=tr(reading.model.title)))
    st.subheader(f"{class_words(task, reading.label)} · {percent(top)}", anchor=False)
    truth_line(reading.label, task=task, truth=truth)
    class_bars(reading.classes, shares, label=reading.label, task=task)
    if judgement.calibrated is None:
        st.caption(tr(UNCALIBRATED))
    else:
        st.caption(
            tr(
                "Calibrated on validation patients (temperature {temperature}); before that, {share}, which is what "
                "the attack pages go by. It holds for patients like those, at their mix of classes.",
                temperature=f"{judgement.temperature:.2f}",
                share=percent(reading.probability),
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
    """One native bar a class, largest first, its uncalibrated percentage as text."""
    class_bars(reading.classes, reading.probabilities, label=reading.label, task=task)


def class_bars(classes: Sequence[str], shares: Sequence[float], *, label: str, task: Task) -> None:
    """One native bar a class, largest first, its percentage as text; the one of `label` is bold."""
    for name, share in sorted(zip(classes, shares, strict=True), key=lambda pair: -pair[1]):
        words = f"{class_words(task, name)} · {percent(share)}"
        st.progress(min(max(share, 0.0), 1.0), text=f"**{words}**" if name == label else words)
