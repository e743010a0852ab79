"""What is said when a scan is not, or hardly, the kind of scan that the models learned from."""

import streamlit as st

from dashboard.components.probability_bars import class_bars
from dashboard.components.scan_level import abstention_words, population_line, unusual_words
from dashboard.components.words import class_words, percent
from dashboard.language import tr
from dashboard.services.results.common import Reading
from dashboard.services.tasks import Task


def refusal(reading: Reading, *, task: Task, better: str | None) -> None:
    """The model abstains: why, and the raw output for a reader who insists. `better` is a task with such scans."""
    st.subheader(tr("diagnose.no-model", "No model output: the model abstains from this scan"), anchor=False)
    st.error(abstention_words(reading, task=task, better=better), icon=":material/block:")
    _score_line(reading)
    population_line(task)
    with st.expander(
        tr("diagnose.show-raw", "Show the raw output (not valid for this image)"), key="diagnose_meaningless"
    ):
        st.warning(
            tr(
                "diagnose.network-gives",
                "A network gives an output for any image, whatever it shows. These numbers mean nothing.",
            ),
            icon=":material/warning:",
        )
        top = f"{class_words(task, reading.label)} · {percent(reading.probability)}"
        st.caption(tr("diagnose.output-not", "Output, not valid: {output}", output=top))
        class_bars(reading.classes, reading.shares, label=reading.label, task=task)


def remark(reading: Reading) -> None:
    """The scan is accepted but unusual, or its fit is not used; nothing is said of a usual one."""
    note = reading.prediction.note
    if note is not None:
        st.warning(tr(note), icon=":material/warning:")
    if reading.prediction.level == "unusual":
        st.warning(unusual_words(reading), icon=":material/warning:")
        _score_line(reading)


def _score_line(reading: Reading) -> None:
    familiarity = reading.prediction.familiarity
    if familiarity is None:
        return
    if familiarity.evidence is not None and familiarity.evidence_limit is not None:
        st.caption(
            tr(
                "diagnose.distance-plus",
                "Distance plus weakness of the output: {score} (the model abstains above {limit} for this class).",
                score=f"{familiarity.evidence:.1f}",
                limit=f"{familiarity.evidence_limit:.1f}",
            )
        )
    st.caption(
        tr(
            "diagnose.distance-from",
            "Distance from the training scans: {score} (unusual above {usual}; the model abstains above {refused}). "
            "Detects unsuitable images, not adversarial ones.",
            score=f"{familiarity.score:.1f}",
            usual=f"{familiarity.unusual_above:.1f}",
            refused=f"{familiarity.refused_above:.1f}",
        )
    )
