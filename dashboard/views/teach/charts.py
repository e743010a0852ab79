"""Plotly figures of the lessons. Lines differ by dash and marker as well as by colour."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.components.charts import DASHES, LINES, MARKERS
from dashboard.components.words import counted, eps_words, percent
from dashboard.language import tr
from dashboard.services.results.teaching import CardMeasurement, ProbabilityCurve

LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
MARGIN = {"l": 0, "r": 8, "t": 8, "b": 0}


def against_budget(curves: Sequence[ProbabilityCurve]) -> go.Figure:
    """Probability of each model's clean output against the budget; a cross where the output has changed."""
    figure = go.Figure()
    for curve, colour, dash, marker in zip(curves, LINES, DASHES, MARKERS, strict=False):
        figure.add_scatter(
            name=tr(curve.model.title),
            x=[255 * eps for eps in curve.eps],
            y=[100 * share for share in curve.shares],
            mode="lines+markers",
            line_color=colour,
            line_dash=dash,
            marker_symbol=[marker if said == curve.label else "x-thin-open" for said in curve.labels],
            marker_size=[8 if said == curve.label else 12 for said in curve.labels],
            customdata=[percent(share) for share in curve.shares],
            hovertemplate="%{x:.3g}/255: %{customdata}",
        )
    figure.update_layout(height=320, margin=MARGIN, legend=LEGEND)
    figure.update_xaxes(title=tr("teach.budget-eps-255ths", "ε, in 255ths"), rangemode="tozero")
    figure.update_yaxes(title=tr("teach.probability-clean", "probability of the clean output, %"), range=[-3, 103])
    return figure


def against_budget_alt(curves: Sequence[ProbabilityCurve]) -> str:
    """The finding in words."""
    said = []
    for curve in curves:
        flips = curve.flips_at
        if flips is None:
            said.append(
                tr(
                    "teach.model-output-holds",
                    "{model}: the output is unchanged up to {eps}",
                    model=curve.model.title,
                    eps=eps_words(curve.eps[-1]),
                )
            )
        else:
            said.append(
                tr(
                    "teach.model-output-changes",
                    "{model}: the output changes at {eps}",
                    model=curve.model.title,
                    eps=eps_words(flips),
                )
            )
    return "; ".join(said)


def measured_bars(rows: Sequence[Sequence[CardMeasurement]]) -> go.Figure:
    """Balanced accuracy against the budget with Wilson intervals, one line a model, from the cards."""
    figure = go.Figure()
    for series, colour, dash, marker in zip(rows, LINES, DASHES, MARKERS, strict=False):
        line = list(series)
        figure.add_scatter(
            name=tr(line[0].model.title),
            x=[255 * row.eps for row in line],
            y=[100 * row.balanced_accuracy for row in line],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [100 * (row.interval[1] - row.balanced_accuracy) for row in line],
                "arrayminus": [100 * (row.balanced_accuracy - row.interval[0]) for row in line],
            },
            mode="lines+markers",
            line_color=colour,
            line_dash=dash,
            marker_symbol=marker,
            marker_size=8,
            text=[f"{counted(row.balanced_accuracy)} {row.attack}" for row in line],
            hovertemplate="%{x:.3g}/255: %{text}",
        )
    figure.update_layout(height=320, margin=MARGIN, legend=LEGEND)
    figure.update_xaxes(title=tr("teach.budget-eps-255ths", "ε, in 255ths"), rangemode="tozero")
    figure.update_yaxes(title=tr("robustness.balanced-accuracy-2", "balanced accuracy, %"), range=[-3, 103])
    return figure
