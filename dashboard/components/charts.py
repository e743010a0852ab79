"""Plotly figures. Series differ by dash, marker or pattern as well as by colour."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.components.words import class_code, percent
from dashboard.language import tr
from dashboard.services.results.common import AttackOutcome
from dashboard.services.tasks import Task

CONFIG = {"displaylogo": False, "displayModeBar": False}
"""No toolbar: it covers the figure on a telephone, and its logo is a link to another host."""

COLOURS = ("#17939b", "#d9772b", "#8a979d", "#8f7fd0", "#c2557f", "#6b8e23", "#3b82c4", "#a36f4e")
"""At least 3:1 against the background of both themes."""

LINES = (COLOURS[1], COLOURS[0], *COLOURS[2:4])
"""The undefended model comes first where models stand side by side, and keeps its colour."""

DASHES = ("dash", "solid", "dot", "dashdot")


MARKERS = ("circle-open", "square", "diamond-open", "x", "triangle-up", "cross", "star", "triangle-down")
PATTERNS = ("", "/", ".")


def before_after(
    outcome: AttackOutcome, *, task: Task, colours: Sequence[str] = COLOURS, height: int | None = None
) -> go.Figure:
    """Every class's probability for the clean scan, the attacked one and the noise control, in three `colours`."""
    readings = (
        (tr("lab.clean-2", "clean"), outcome.clean),
        (tr("lab.attacked-2", "attacked"), outcome.attacked.reading),
        (tr("lab.random-noise", "random noise"), outcome.noise.reading),
    )
    figure = go.Figure()
    for (name, reading), colour, pattern in zip(readings, colours, PATTERNS, strict=False):
        figure.add_bar(
            name=name,
            orientation="h",
            y=[class_code(task, label) for label in reading.classes],
            x=[100 * share for share in reading.shares],
            text=[percent(share) for share in reading.shares],
            textposition="outside",
            cliponaxis=False,
            marker_color=colour,
            marker_pattern_shape=pattern,
            hovertemplate="%{y}: %{text}<extra>" + name + "</extra>",
        )
    figure.update_layout(
        barmode="group",
        height=height or 90 + 66 * len(task.classes),
        margin={"l": 0, "r": 52, "t": 8, "b": 0},  # pixels for "100.0%" beside a full bar, on any width of screen
        bargap=0.25,
        legend={"orientation": "h", "y": -0.02, "yanchor": "top", "traceorder": "normal"},
    )
    figure.update_xaxes(range=[0, 100], visible=False)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure
