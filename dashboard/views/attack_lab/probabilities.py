"""Every probability of every model: clean, attacked, and under noise of the same size."""

import streamlit as st

from dashboard.components.charts import COLOURS, CONFIG, before_after
from dashboard.components.model_styles import style_of
from dashboard.components.words import class_words, percent
from dashboard.language import tr
from dashboard.services.results.common import AttackOutcome, LabResult
from dashboard.services.tasks import Task
from dashboard.views.attack_lab.cards import model_title

HEIGHT = (70, 60)
"""Pixels of a chart: in all cases, and for each class."""


def probabilities(result: LabResult, *, task: Task) -> None:
    """One chart a model; none of a model that abstains from the scan."""
    if not result.counted:
        st.caption(tr("lab.nothing-counted", "Nothing is counted here: a model abstains from this scan."))
        return
    fixed, each = HEIGHT
    for column, outcome in zip(st.columns(len(result.counted), gap="medium"), result.counted, strict=True):
        with column:
            model_title(outcome.clean.model)
            st.plotly_chart(
                before_after(
                    outcome,
                    task=task,
                    colours=(COLOURS[2], style_of(outcome.clean.model.id).colour, COLOURS[2]),
                    height=fixed + each * len(task.classes),
                ),
                key=f"bars_{outcome.clean.model.id}",
                config=CONFIG,
                alt=_bars_alt(outcome, task=task),
            )


def _bars_alt(outcome: AttackOutcome, *, task: Task) -> str:
    parts = [
        f"{name}: {class_words(task, reading.label)} {percent(reading.probability)}"
        for name, reading in (
            (tr("lab.clean-2", "clean"), outcome.clean),
            (tr("lab.attacked-2", "attacked"), outcome.attacked.reading),
            (tr("lab.random-noise", "random noise"), outcome.noise.reading),
        )
    ]
    return (
        tr("lab.model-probabilities", "{model}, probabilities.", model=tr(outcome.clean.model.title))
        + " "
        + "; ".join(parts)
    )
