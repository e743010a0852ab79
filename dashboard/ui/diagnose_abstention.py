"""What is said when a picture is not, or hardly, the kind of scan that the models learned from."""

import streamlit as st

from dashboard import services
from dashboard.language import tr
from dashboard.reading_results import Judgement
from dashboard.results import Reading
from dashboard.ui.probability_bars import class_bars
from dashboard.ui.words import class_words, percent
from meddef_core.data.tasks import Task
from meddef_core.reading import Familiarity
from meddef_core.reading.abstention import PHRASES

DIFFERENCES = {
    "edges": "how strong its edges are and which way they run",
    "grey levels": "its grey levels",
    "layout": "where it is bright and dark",
    "early features": "what the network's first layers find in it",
    "middle features": "what the network's middle layers find in it",
    "later features": "what the network's later layers find in it",
}
"""Statistics in plain words."""


def refusal(reading: Reading, judgement: Judgement, *, task: Task) -> None:
    """The model abstains: why, what the picture looks like, and the meaningless numbers for who insists."""
    familiarity = judgement.familiarity
    if familiarity is None or familiarity.looks_like is None:
        return
    st.subheader(tr("No model output: this does not look like such a scan"), anchor=False)
    st.error(_why(familiarity, judgement, task=task), icon=":material/block:")
    _score_line(familiarity)
    with st.expander(tr("What the model would say all the same (it means nothing)"), key="diagnose_meaningless"):
        st.warning(
            tr(
                "These numbers mean nothing: a network answers to any picture, also to one without a body in it. "
                "They are here to show just that."
            ),
            icon=":material/warning:",
        )
        top = f"{class_words(task, reading.label)} · {percent(reading.probability)}"
        st.caption(tr("Meaningless model output: {output}", output=top))
        class_bars(reading.classes, reading.probabilities, label=reading.label, task=task)


def remark(judgement: Judgement) -> None:
    """The picture is accepted but unusual; nothing is said of a usual one."""
    familiarity = judgement.familiarity
    if judgement.note is not None:
        st.warning(tr(judgement.note), icon=":material/warning:")
    if familiarity is None or familiarity.level != "unusual":
        return
    sentence = tr(
        "This scan is unlike most that the model learned from; its output may not hold. It differs in {differences}.",
        differences=_differences(familiarity),
    )
    st.warning(sentence, icon=":material/warning:")
    _score_line(familiarity)


def _why(familiarity: Familiarity, judgement: Judgement, *, task: Task) -> str:
    modality, differences = tr(task.modality), _differences(familiarity)
    if judgement.fits_better is not None:
        other = services.tasks()[judgement.fits_better]
        first = tr(
            "This is no {modality} as the model knows them. It looks like a scan of the kind “{other}”: choose that "
            "kind above.",
            modality=modality,
            other=tr(other.title),
        )
    else:
        looks = tr(PHRASES[familiarity.looks_like or "other modality"])
        first = tr(
            "This is no {modality} as the model knows them. It looks most like {looks}.",
            modality=modality,
            looks=looks,
        )
    return f"{first} {tr('It differs in {differences}.', differences=differences)}"


def _differences(familiarity: Familiarity) -> str:
    return tr("; ").join(tr(DIFFERENCES[name]) for name in familiarity.differs)


def _score_line(familiarity: Familiarity) -> None:
    st.caption(
        tr(
            "Distance from the scans it learned from: {score} (98 % of validation scans lie below {usual}; above "
            "{refused} the model abstains). This tells other pictures, not attacks.",
            score=f"{familiarity.score:.1f}",
            usual=f"{familiarity.unusual_above:.1f}",
            refused=f"{familiarity.refused_above:.1f}",
        )
    )
