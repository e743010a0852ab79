"""How a change of the scan grows or shrinks through B, D and A: attack and noise control, every model."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.attention_results import Inspected, Stage
from dashboard.language import tr
from dashboard.services import inspection, inspection_scores
from dashboard.ui.attention_work import costly
from dashboard.ui.charts import CONFIG, DASHES, LINES, MARKERS

ATTACK_FIRST = "This compares the clean scan with an attacked one: press “Attack each model” above."

STAGES = ("input", "stage1", "stage2", "stage3", "backbone", "defence", "attention", "logits")

Course = tuple[Inspected, tuple[Stage, ...]]


def line_of(number: int) -> dict[str, Any]:
    """A series that differs from the others by dash and marker as well as by colour."""
    return {
        "line_color": LINES[number],
        "line_dash": DASHES[number],
        "marker_symbol": MARKERS[number],
        "marker_size": 8,
    }


def propagation(inspected: Sequence[Inspected]) -> None:
    """Two charts on one scale, and the numbers as a table."""
    attacked = [each for each in inspected if each.outcome is not None]
    if not attacked:
        st.info(tr(ATTACK_FIRST), icon=":material/touch_app:")
        return

    def compute(each: Inspected) -> tuple[Stage, ...]:
        return inspection_scores.stages(each.model, inspection.key_of(each.with_noise), each.with_noise)

    found = costly(
        "propagation",
        attacked,
        compute,
        say=lambda model: tr("Following the change through {model}…", model=model),
        quick=True,
    )
    if found is None:
        return
    courses: list[Course] = list(zip(attacked, found, strict=True))
    st.markdown(
        tr(
            "Behind each stage: the length of the change of the features, as a share of the features' own length. A "
            "line that rises shows a change that grows on its way; a defence should keep it low."
        )
    )
    sides = ((tr("Attacked"), "attack"), (tr("Noise of the same size"), "noise"))
    most = max(
        (
            value
            for course in courses
            for stage in course[1]
            for value in (stage.attack, stage.noise)
            if math.isfinite(value)
        ),
        default=1.0,
    )
    for column, (title, name) in zip(st.columns(2, gap="medium"), sides, strict=True):
        with column:
            st.subheader(title, anchor=False)
            st.plotly_chart(
                _chart(courses, name, most=most), key=f"attention_propagation_{name}", config=CONFIG,
                alt=_said(courses, name, title),
            )  # fmt: skip
    st.table(_table(courses))
    st.caption(
        tr(
            "In percent: under the attack / under noise. Each model is attacked for itself, with its own gradients. "
            "Stages of different models are of different make: compare shapes of lines rather than single values."
        )
    )


def _chart(courses: Sequence[Course], name: str, *, most: float) -> go.Figure:
    figure = go.Figure()
    titles = {stage.key: tr(stage.title) for _, stages in courses for stage in stages}
    for number, (each, stages) in enumerate(courses):
        figure.add_scatter(
            name=tr(each.model.title),
            x=[titles[stage.key] for stage in stages],
            y=[100 * getattr(stage, name) for stage in stages],
            mode="lines+markers",
            hovertemplate="%{x}: %{y:.1f} %",
            **line_of(number),
        )
    order = [titles[key] for key in STAGES if key in titles]
    figure.update_xaxes(categoryorder="array", categoryarray=order)
    figure.update_yaxes(title=tr("relative change, %"), range=[0, 105 * most])
    figure.update_layout(
        height=320, margin={"l": 0, "r": 8, "t": 8, "b": 0}, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    )
    return figure


def _said(courses: Sequence[Course], name: str, title: str) -> str:
    ends = [
        tr(
            "{model}: {first} % at the input, {last} % at the logits",
            model=tr(each.model.title),
            first=f"{100 * getattr(stages[0], name):.1f}",
            last=f"{100 * getattr(stages[-1], name):.1f}",
        )
        for each, stages in courses
    ]
    return f"{title}. " + "; ".join(ends)


def _table(courses: Sequence[Course]) -> pd.DataFrame:
    columns = {
        tr(each.model.title): {stage.key: f"{100 * stage.attack:.1f} / {100 * stage.noise:.1f}" for stage in stages}
        for each, stages in courses
    }
    titles = {stage.key: tr(stage.title) for _, stages in courses for stage in stages}
    keys = [key for key in STAGES if key in titles]
    rows = {model: [values.get(key, "–") for key in keys] for model, values in columns.items()}
    return pd.DataFrame(rows, index=[titles[key] for key in keys])
