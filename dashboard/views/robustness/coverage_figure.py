"""Risk against coverage: what abstaining costs, and what it saves."""

from collections.abc import Mapping

import plotly.graph_objects as go

from dashboard.components.model_styles import style_of
from dashboard.language import tr
from dashboard.services.record_types import RiskCoverageCurve as RiskCurve
from dashboard.views.robustness.figures import HEIGHT, MARGINS


def risk_coverage(curves: Mapping[str, RiskCurve], titles: Mapping[str, str]) -> go.Figure:
    """The share of accepted scans that is wrong against the share that is accepted, a line a model, by its name."""
    drawn = go.Figure()
    for name, curve in curves.items():
        style, title = style_of(name), titles[name]
        drawn.add_scatter(
            name=title,
            mode="lines+markers",
            x=[100 * share for share in curve.coverages],
            y=[100 * risk for risk in curve.risks],
            line={"color": style.colour, "dash": style.dash},
            marker={"symbol": style.marker, "size": 6},
            hovertemplate=f"{title}<br>%{{x:.0f}}%: %{{y:.1f}}%<extra></extra>",
        )
    drawn.update_layout(height=HEIGHT, hoverlabel_align="left", **MARGINS)
    drawn.update_xaxes(title=tr("robustness.scans-accepted", "scans accepted, the surest first, %"), range=[0, 103])
    drawn.update_yaxes(title=tr("robustness.wrong-among", "wrong among the accepted, %"), rangemode="tozero")
    return drawn
