"""The figures of the Diagnose page: reliability, and predictive values against prevalence."""

import numpy as np
import plotly.graph_objects as go

from dashboard.components.charts import COLOURS
from dashboard.components.words import counted, percent
from dashboard.language import tr
from dashboard.services.reading import LEAST_PREVALENCE, MOST_PREVALENCE, Proportion, Range, predictive_ranges
from dashboard.services.results.reading import Calibration, OperatingPoint

PREVALENCES = np.linspace(LEAST_PREVALENCE, MOST_PREVALENCE, 50)
"""From screening to a specialist's clinic, in steps of one percent."""


def reliability_plot(found: Calibration) -> go.Figure:
    """Accuracy against confidence of the top class in groups of equal size, before and after calibration."""
    figure = go.Figure()
    ends = [100 * bound for one in (*found.before, *found.after) for bound in (one.confidence, one.accuracy)]
    start = max(0.0, 10 * (min(ends) // 10) - 10)
    figure.add_scatter(
        x=[start, 100],
        y=[start, 100],
        mode="lines",
        line={"color": COLOURS[2], "dash": "dot"},
        name=tr("diagnose.should", "as it should be"),
        hoverinfo="skip",
    )
    series = (
        (tr("diagnose.before", "before"), found.before, COLOURS[1], "circle-open", "dash", False),
        (tr("diagnose.calibrated", "calibrated"), found.after, COLOURS[0], "square", "solid", True),
    )
    for name, bins, colour, marker, dash, bars in series:
        limits = [Proportion(one.correct, one.n).interval for one in bins]
        figure.add_scatter(
            name=name,
            x=[100 * one.confidence for one in bins],
            y=[100 * one.accuracy for one in bins],
            mode="lines+markers",
            line={"color": colour, "dash": dash},
            marker={"symbol": marker, "size": 8},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [100 * (high - one.accuracy) for one, (_, high) in zip(bins, limits, strict=True)],
                "arrayminus": [100 * (one.accuracy - low) for one, (low, _) in zip(bins, limits, strict=True)],
                "visible": bars,
                "thickness": 1,
            },
            customdata=[
                f"{percent(one.confidence)} → {counted(one.accuracy)} ({one.correct} / {one.n})" for one in bins
            ],
            hovertemplate="%{customdata}<extra>" + name + "</extra>",
        )
    figure.update_layout(
        height=320,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    figure.update_xaxes(title=tr("diagnose.model-says", "the model says, %"), range=[start, 101])
    figure.update_yaxes(title=tr("diagnose.right", "right, %"), range=[0, 103])
    return figure


def predictive_plot(point: OperatingPoint, *, prevalence: float) -> go.Figure:
    """PPV and NPV as bands over PREVALENCES, and a line at the reader's own prevalence where it is within them."""
    figure = go.Figure()
    ranges = [predictive_ranges(point, prevalence=float(each)) for each in PREVALENCES]
    for place, (name, dash) in enumerate((("PPV", "solid"), ("NPV", "dash"))):
        _band(figure, [each[place] for each in ranges], name=name, colour=COLOURS[place], dash=dash)
    if LEAST_PREVALENCE <= prevalence <= MOST_PREVALENCE:
        figure.add_vline(x=100 * prevalence, line_dash="dot", line_color=COLOURS[2])
    figure.update_layout(
        height=260,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    figure.update_xaxes(title=tr("diagnose.prevalence", "prevalence, %"), range=[0, 100 * MOST_PREVALENCE + 1])
    figure.update_yaxes(title=tr("diagnose.calls-right", "calls that are right, %"), range=[0, 103])
    return figure


def _band(figure: go.Figure, ranges: list[Range], *, name: str, colour: str, dash: str) -> None:
    """Lower and upper end as lines, the space between them filled; a gap where nobody would be called so."""
    x = [100 * float(each) for each in PREVALENCES]
    for end, filled in ((0, None), (1, "tonexty")):
        values = [each[end] for each in ranges]
        figure.add_scatter(
            name=name,
            x=x,
            y=[None if value is None else 100 * value for value in values],
            mode="lines",
            line={"color": colour, "dash": dash},
            fill=filled,
            legendgroup=name,
            showlegend=end == 1,
            customdata=["—" if value is None else percent(value) for value in values],
            hovertemplate="%{x:.0f}%: %{customdata}<extra>" + name + "</extra>",
        )
