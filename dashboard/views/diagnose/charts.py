"""The reliability plot of the Diagnose page."""

import plotly.graph_objects as go

from dashboard.components.charts import COLOURS
from dashboard.components.words import counted, percent
from dashboard.language import tr
from dashboard.services.reading import Proportion
from dashboard.services.results.reading import Calibration


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
        name=tr("as it should be"),
        hoverinfo="skip",
    )
    series = (
        (tr("before"), found.before, COLOURS[1], "circle-open", "dash", False),
        (tr("calibrated"), found.after, COLOURS[0], "square", "solid", True),
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
    figure.update_xaxes(title=tr("the model says, %"), range=[start, 101])
    figure.update_yaxes(title=tr("right, %"), range=[0, 103])
    return figure
