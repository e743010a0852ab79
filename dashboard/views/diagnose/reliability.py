"""How far a prediction can be relied on, in one short paragraph beside it."""

import streamlit as st

from dashboard.components.scan_level import probability_note
from dashboard.components.words import class_words, percent
from dashboard.language import tr
from dashboard.services import reading as services
from dashboard.services.reading import ANY_FINDING, Proportion
from dashboard.services.results.common import Reading
from dashboard.services.tasks import Task
from dashboard.views.diagnose.trust import NOT_FITTED


def reliability(reading: Reading, *, task: Task) -> None:
    """Out-of-distribution check, calibration, operating point and population."""
    population = tr(task.population.sentence)
    said = [_likeness(reading), probability_note([reading]), _operating(reading, task=task), population]
    st.caption(":material/fact_check: " + " ".join(sentence for sentence in said if sentence))


def _likeness(reading: Reading) -> str:
    """An unusual scan has a warning of its own."""
    usual = reading.prediction.level == "usual"
    return tr("diagnose.out-distribution", "Out-of-distribution check passed.") if usual else ""


def _operating(reading: Reading, *, task: Task) -> str:
    """The widest question at the threshold of the largest Youden index."""
    question = services.asked(task.key)[0]
    found = services.operating(reading.model, question)
    if found is None:
        return tr(NOT_FITTED)
    above = sum(reading.shares[index] for index in found.positive) >= found.threshold
    return tr(
        "diagnose.side-finding",
        "{side} for {finding} at the standard threshold: sensitivity {sensitivity}, specificity {specificity} on the "
        "test set.",
        side=tr("diagnose.positive", "Positive") if above else tr("diagnose.negative", "Negative"),
        finding=tr("diagnose.any-finding", "any finding") if question == ANY_FINDING else class_words(task, question),
        sensitivity=_interval(found.test.sensitivity),
        specificity=_interval(found.test.specificity),
    )


def _interval(share: Proportion) -> str:
    """The 95% interval: no share of a hundred scans is certain."""
    low, high = share.interval
    return tr("attention.low-high", "{low} to {high}", low=percent(low), high=percent(high))
