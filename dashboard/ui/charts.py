"""Plotly figures. Series differ by dash, marker or pattern as well as by colour."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.results import Outcome
from dashboard.ui.words import class_code, percent
from meddef_core.data.tasks import Task

CONFIG = {"displaylogo": False, "displayModeBar": False}
"""No toolbar: it covers the figure on a telephone, and its logo is a link to another host."""

COLOURS = ("#17939b", "#d9772b", "#8a979d", "#8f7fd0")
"""At least 3:1 against the background of both themes."""

LINES = ("#d9772b", "#17939b", "#8a979d", "#8f7fd0")
DASHES = ("dash", "solid", "dot", "dashdot")
MARKERS = ("circle-open", "square", "diamond-open", "x")
PATTERNS = ("", "/", ".")

MOST_MARKERS = 100
"""Steps above which markers would hide the line; its dash still tells it apart."""


def before_after(outcome: Outcome, *, task: Task) -> go.Figure:
    """Every class's probability for the clean scan, the attacked one and the noise control."""
    readings = (
        ("clean", outcome.clean),
        ("attacked", outcome.attacked.reading),
        ("random noise", outcome.noise.reading),
    )
    figure = go.Figure()
    for (name, reading), colour, pattern in zip(readings, COLOURS, PATTERNS, strict=False):
        figure.add_bar(
            name=name,
            orientation="h",
            y=[class_code(task, label) for label in reading.classes],
            x=[100 * p for p in reading.probabilities],
            text=[percent(p) for p in reading.probabilities],
            textposition="outside",
            cliponaxis=False,
            marker_color=colour,
            marker_pattern_shape=pattern,
            hovertemplate="%{y}: %{text}<extra>" + name + "</extra>",
        )
    figure.update_layout(
        barmode="group",
        height=90 + 66 * len(task.classes),
        margin={"l": 0, "r": 52, "t": 8, "b": 0},  # pixels for "100.0 %" beside a full bar, on any width of screen
        bargap=0.25,
        legend={"orientation": "h", "y": -0.02, "yanchor": "top", "traceorder": "normal"},
    )
    figure.update_xaxes(range=[0, 100], visible=False)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def against_steps(outcomes: Sequence[Outcome], *, quantity: str) -> go.Figure:
    """`quantity` "loss" or "probability" (of the clean output's class, in percent) at each step, one line a model."""
    figure = go.Figure()
    for outcome, colour, dash, marker in zip(outcomes, LINES, DASHES, MARKERS, strict=False):
        numbers, values = _series(outcome, quantity)
        figure.add_scatter(
            name=outcome.clean.model.title,
            x=numbers,
            y=values,
            mode="lines+markers" if len(numbers) <= MOST_MARKERS else "lines",
            line_color=colour,
            line_dash=dash,
            marker_symbol=marker,
            marker_size=6,
            hovertemplate="step %{x}: %{y:.3g}",
        )
    figure.update_layout(
        height=280, margin={"l": 0, "r": 8, "t": 8, "b": 0}, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    )
    figure.update_xaxes(title="step", rangemode="tozero")
    if quantity == "probability":
        figure.update_yaxes(title="probability, %", range=[-3, 103])
    else:
        figure.update_yaxes(title="loss", rangemode="tozero")
    return figure


def _series(outcome: Outcome, quantity: str) -> tuple[list[int], list[float]]:
    steps = outcome.attacked.steps
    if quantity == "loss":
        return [step.number for step in steps], [step.loss for step in steps]
    index = outcome.clean.classes.index(outcome.clean.label)
    values = [100 * outcome.clean.probability, *(100 * step.probabilities[index] for step in steps)]
    return [0, *(step.number for step in steps)], values
