"""How a change of the scan grows or shrinks through B, D and A: attack and noise control, every model."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.components.charts import CONFIG, DASHES, LINES, MARKERS
from dashboard.components.wide_table import wide_table
from dashboard.language import tr
from dashboard.services import inspection, inspection_scores
from dashboard.services.results.attention import Inspected, Stage
from dashboard.services.words import Text
from dashboard.views.attention.work import costly

ATTACK_FIRST = Text(
    "attention.compares-clean", "This compares the clean scan with an attacked one: press “Attack each model” above."
)

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
        say=lambda model: tr("attention.following-change", "Following the change through {model}…", model=model),
        quick=True,
    )
    if found is None:
        return
    courses: list[Course] = list(zip(attacked, found, strict=True))
    st.markdown(
        tr(
            "attention.behind-each",
            "Behind each stage: the length of the change of the features, as a share of the features' own length. A "
            "line that rises shows a change that grows on its way; a defence should keep it low.",
        )
    )
    sides = (
        (tr("lab.attacked", "Attacked"), "attack"),
        (tr("attention.noise-same", "Noise of the same size"), "noise"),
    )
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
    wide_table(_table(courses), key="attention_propagation_table")
    st.caption(
        tr(
            "attention.percent-under",
            "In percent: under the attack / under noise. Each model is attacked for itself, with its own gradients. "
            "Stages of different models are of different make: compare shapes of lines rather than single values.",
        )
    )


def titles_of(courses: Sequence[Course]) -> dict[str, str]:
    """Titles by key of the stages that any network has, in the order of the one that has most of them."""
    by_length = sorted((stages for _, stages in courses), key=len, reverse=True)
    order = [stage.key for stage in by_length[0]]
    for stages in by_length[1:]:
        # From the end, where all have their logits, so that the stage behind is already there.
        for stage, behind in reversed(list(pairwise(stages))):
            if stage.key not in order:
                order.insert(order.index(behind.key), stage.key)
    titles = {stage.key: tr(stage.title) for stages in by_length for stage in stages}
    return {key: titles[key] for key in order}


def _chart(courses: Sequence[Course], name: str, *, most: float) -> go.Figure:
    figure = go.Figure()
    titles = titles_of(courses)
    for number, (each, stages) in enumerate(courses):
        changes = {stage.key: 100 * getattr(stage, name) for stage in stages}
        figure.add_scatter(
            name=tr(each.model.title),
            x=[title for key, title in titles.items() if key in changes],
            y=[changes[key] for key in titles if key in changes],
            mode="lines+markers",
            hovertemplate="%{x}: %{y:.1f}%",
            **line_of(number),
        )
    figure.update_xaxes(categoryorder="array", categoryarray=list(titles.values()))
    figure.update_yaxes(title=tr("attention.relative-change", "relative change, %"), range=[0, 105 * most])
    figure.update_layout(
        height=320, margin={"l": 0, "r": 8, "t": 8, "b": 0}, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    )
    return figure


def _said(courses: Sequence[Course], name: str, title: str) -> str:
    ends = [
        tr(
            "attention.model-first",
            "{model}: {first}% at the input, {last}% at the logits",
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
    titles = titles_of(courses)
    rows = {model: [values.get(key, "–") for key in titles] for model, values in columns.items()}
    return pd.DataFrame(rows, index=list(titles.values()))
