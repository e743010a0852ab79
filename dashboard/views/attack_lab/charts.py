"""Figures of the laboratory: the loss of an attack, and models against growing attack strengths."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.components.charts import COLOURS
from dashboard.components.model_styles import style_of
from dashboard.components.words import class_code, percent
from dashboard.language import tr
from dashboard.services.results.common import AttackOutcome, Reading
from dashboard.services.results.sweeps import BudgetCurve
from dashboard.services.tasks import Task

MOST_MARKERS = 100
"""Steps above which markers would hide the line; its dash still tells it apart."""


def against_steps(outcomes: Sequence[AttackOutcome]) -> go.Figure:
    """The loss that each attack climbs at each of its steps, one line a model."""
    figure = go.Figure()
    for outcome in outcomes:
        steps = outcome.attacked.steps
        figure.add_scatter(
            name=tr(outcome.clean.model.title),
            x=[step.number for step in steps],
            y=[step.loss for step in steps],
            mode="lines+markers" if len(steps) <= MOST_MARKERS else "lines",
            hovertemplate=tr("lab.step-x", "step {x}: {y}", x="%{x}", y="%{y:.3g}"),
            **_line(outcome.clean),
        )
    _lay_out(figure, height=280)
    figure.update_xaxes(title=tr("lab.step", "step"), rangemode="tozero")
    figure.update_yaxes(title=tr("lab.loss", "loss"), rangemode="tozero")
    return figure


def against_budget(curves: Sequence[BudgetCurve], *, quantity: str, task: Task) -> go.Figure:
    """`quantity` "probability" (of the clean output's class, in percent) or "margin" against epsilon in grey levels.

    A cross stands where a model's output first changes.
    """
    figure = go.Figure()
    for curve in curves:
        colour = style_of(curve.clean.model.id).colour
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
            **_line(curve.clean),
        )
        flips = [place for place, point in enumerate(curve.points) if point.eps == curve.flips_at]
        figure.add_scatter(
            x=[x[place] for place in flips],
            y=[y[place] for place in flips],
            mode="markers",
            marker={"symbol": "x", "size": 14, "color": colour, "line": {"width": 1, "color": "white"}},
            hoverinfo="skip",
            showlegend=False,
        )
    _lay_out(figure, height=300)
    figure.update_xaxes(title=tr("lab.attack-strength-eps-1", "attack strength ε, in 1/255"), rangemode="tozero")
    if quantity == "probability":
        figure.update_yaxes(title=tr("lab.probability", "probability, %"), range=[-3, 103])
    else:
        figure.update_yaxes(title=tr("lab.margin-2", "margin"))
        figure.add_hline(y=0, line_dash="dot", line_color=COLOURS[2])
    return figure


def _height(curve: BudgetCurve, place: int, quantity: str) -> float:
    point = curve.points[place]
    if quantity == "margin":
        return point.margin
    return 100 * point.attacked.shares[curve.clean.classes.index(curve.clean.label)]


def _line(clean: Reading) -> dict[str, Any]:
    """The model's own look: it differs from the others by dash and marker as well as by colour."""
    style = style_of(clean.model.id)
    return {
        "line_color": style.colour,
        "line_dash": style.dash,
        "marker_symbol": style.marker,
        "marker_size": 6,
    }


def _lay_out(figure: go.Figure, *, height: int) -> None:
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
