"""Plotly figures. Series differ by dash, marker or pattern as well as by colour."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.components.words import class_code, percent
from dashboard.language import tr
from dashboard.services.results.common import AttackOutcome
from dashboard.services.results.sweeps import BudgetCurve
from dashboard.services.tasks import Task

CONFIG = {"displaylogo": False, "displayModeBar": False}
"""No toolbar: it covers the figure on a telephone, and its logo is a link to another host."""

COLOURS = ("#17939b", "#d9772b", "#8a979d", "#8f7fd0", "#c2557f", "#6b8e23", "#3b82c4", "#a36f4e")
"""At least 3:1 against the background of both themes."""

LINES = (COLOURS[1], COLOURS[0], *COLOURS[2:4])
"""The undefended model comes first where models stand side by side, and keeps its colour."""

DASHES = ("dash", "solid", "dot", "dashdot")
DASH_LENGTHS = ("9 6", "none", "2 5", "9 5 2 5")
"""The same dashes as SVG knows them."""

MARKERS = ("circle-open", "square", "diamond-open", "x", "triangle-up", "cross", "star", "triangle-down")
PATTERNS = ("", "/", ".")

MOST_MARKERS = 100
"""Steps above which markers would hide the line; its dash still tells it apart."""


def before_after(outcome: AttackOutcome, *, task: Task) -> go.Figure:
    """Every class's probability for the clean scan, the attacked one and the noise control."""
    readings = (
        (tr("clean"), outcome.clean),
        (tr("attacked"), outcome.attacked.reading),
        (tr("random noise"), outcome.noise.reading),
    )
    figure = go.Figure()
    for (name, reading), colour, pattern in zip(readings, COLOURS, PATTERNS, strict=False):
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
        height=90 + 66 * len(task.classes),
        margin={"l": 0, "r": 52, "t": 8, "b": 0},  # pixels for "100.0%" beside a full bar, on any width of screen
        bargap=0.25,
        legend={"orientation": "h", "y": -0.02, "yanchor": "top", "traceorder": "normal"},
    )
    figure.update_xaxes(range=[0, 100], visible=False)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def against_steps(outcomes: Sequence[AttackOutcome]) -> go.Figure:
    """The loss that each attack climbs at each of its steps, one line a model."""
    figure = go.Figure()
    for number, outcome in enumerate(outcomes):
        steps = outcome.attacked.steps
        figure.add_scatter(
            name=tr(outcome.clean.model.title),
            x=[step.number for step in steps],
            y=[step.loss for step in steps],
            mode="lines+markers" if len(steps) <= MOST_MARKERS else "lines",
            hovertemplate=tr("step {x}: {y}", x="%{x}", y="%{y:.3g}"),
            **_line(number),
        )
    _lay_out(figure, height=280)
    figure.update_xaxes(title=tr("step"), rangemode="tozero")
    figure.update_yaxes(title=tr("loss"), rangemode="tozero")
    return figure


def against_budget(curves: Sequence[BudgetCurve], *, quantity: str, task: Task) -> go.Figure:
    """`quantity` "probability" (of the clean output's class, in percent) or "margin" against epsilon in grey levels.

    A cross stands where a model's output first changes.
    """
    figure = go.Figure()
    for number, curve in enumerate(curves):
        x = [255 * point.eps for point in curve.points]
        y = [_height(curve, place, quantity) for place in range(len(x))]
        figure.add_scatter(
            name=tr(curve.clean.model.title),
            x=x,
            y=y,
            mode="lines+markers",
            customdata=[
                f"{class_code(task, point.attacked.label)} {percent(point.attacked.probability)}"
                for point in curve.points
            ],
            hovertemplate="ε %{x:.3g}/255: %{customdata}",
            **_line(number),
        )
        flips = [place for place, point in enumerate(curve.points) if point.eps == curve.flips_at]
        figure.add_scatter(
            x=[x[place] for place in flips],
            y=[y[place] for place in flips],
            mode="markers",
            marker={"symbol": "x", "size": 14, "color": LINES[number], "line": {"width": 1, "color": "white"}},
            hoverinfo="skip",
            showlegend=False,
        )
    _lay_out(figure, height=300)
    figure.update_xaxes(title=tr("budget ε, in 1/255"), rangemode="tozero")
    if quantity == "probability":
        figure.update_yaxes(title=tr("probability, %"), range=[-3, 103])
    else:
        figure.update_yaxes(title=tr("margin"))
        figure.add_hline(y=0, line_dash="dot", line_color=LINES[2])
    return figure


def _height(curve: BudgetCurve, place: int, quantity: str) -> float:
    point = curve.points[place]
    if quantity == "margin":
        return point.margin
    return 100 * point.attacked.shares[curve.clean.classes.index(curve.clean.label)]


def _line(number: int) -> dict[str, Any]:
    """A series that differs from the others by dash and marker as well as by colour."""
    return {
        "line_color": LINES[number],
        "line_dash": DASHES[number],
        "marker_symbol": MARKERS[number],
        "marker_size": 6,
    }


def _lay_out(figure: go.Figure, *, height: int) -> None:
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
