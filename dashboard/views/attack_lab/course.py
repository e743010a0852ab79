"""What an attack went through: its pictures to scrub through, and the loss that it maximised."""

import streamlit as st

from dashboard.components.charts import CONFIG
from dashboard.components.words import class_words
from dashboard.language import tr
from dashboard.services.results.common import LabResult
from dashboard.services.tasks import Task
from dashboard.views.attack_lab.charts import against_steps
from dashboard.views.attack_lab.player import player


def course(result: LabResult, *, task: Task) -> None:
    """Pictures, probabilities and loss at each step; a sentence for an attack of one step."""
    if not result.option.iterative:
        st.caption(
            tr(
                "lab.attack-takes",
                "{attack} takes one step: there is no course to draw.",
                attack=tr(result.option.title),
            )
        )
        return
    player(result, task=task)
    st.markdown("**" + tr("lab.loss-attack", "The loss that the attack maximises") + "**")
    st.plotly_chart(
        against_steps(result.outcomes),
        key="course_loss",
        config=CONFIG,
        alt=_loss_alt(result, task=task),
    )
    st.caption(
        tr(
            "lab.current-picture",
            "Of the current picture of each step; the result shown above is the best of all steps.",
        )
    )


def _loss_alt(result: LabResult, *, task: Task) -> str:
    """First and last value of each line, in words."""
    parts = [
        tr(
            "lab.model-away",
            "{model}, away from {label}: {first} at the first step, {last} at the last",
            model=tr(outcome.clean.model.title),
            label=class_words(task, outcome.clean.label),
            first=f"{outcome.attacked.steps[0].loss:.2f}",
            last=f"{outcome.attacked.steps[-1].loss:.2f}",
        )
        for outcome in result.outcomes
        if outcome.attacked.steps
    ]
    return tr("lab.attack-loss", "Attack loss against attack step.") + " " + "; ".join(parts)
