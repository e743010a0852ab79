"""The first screen: the undefended model against MedDef, clean and attacked, as one table and one chart."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.model_picker import COMPARED
from dashboard.components.record_parts import figure, not_measured
from dashboard.language import tr
from dashboard.services import robust_curves
from dashboard.services.commands import first_command
from dashboard.services.records import TaskRecords
from dashboard.services.results.robustness import RobustnessCurve
from dashboard.views.robustness.accuracy_table import accuracy_table
from dashboard.views.robustness.curves import curve_table, finding
from dashboard.views.robustness.figures import against_epsilon

EPSILONS = (4 / 255, 8 / 255)
"""Attack strengths of the table, where they were measured."""

CHART_HEIGHT = 300
"""Pixels: with it, table and chart stand on one screen of 1440 x 900."""


def overview(found: TaskRecords, curves: Sequence[RobustnessCurve]) -> None:
    """Table and chart of the two models that every page compares; of the first two where they are not here."""
    pair = compared(curves)
    epsilons = shown_epsilons(pair)
    if not epsilons:
        not_measured(
            tr("robustness.no-robust", "No robust accuracy of these models."), first_command(found.task, found.shipped)
        )
        return
    st.markdown(
        tr(
            "robustness.balanced-accuracy-95-intervals",
            "Balanced accuracy with 95% intervals: on clean scans, and with every pixel changed by at most ε.",
        )
    )
    accuracy_table(found, pair, epsilons)
    figure(
        against_epsilon(pair, height=CHART_HEIGHT),
        name=f"{found.task}-overview",
        alt=finding(pair),
        data=curve_table(pair),
    )


def compared(curves: Sequence[RobustnessCurve]) -> list[RobustnessCurve]:
    """The undefended model and MedDef, in this order; else the first two with any point."""
    measured = [curve for curve in curves if curve.points]
    pair = sorted((curve for curve in measured if curve.key in COMPARED), key=lambda curve: COMPARED.index(curve.key))
    return pair or measured[:2]


def shown_epsilons(pair: Sequence[RobustnessCurve]) -> tuple[float, ...]:
    """Those of EPSILONS that were measured; where none was, the first two that were."""
    wanted = tuple(eps for eps in EPSILONS if any(curve.at(eps) for curve in pair))
    return wanted or robust_curves.budgets(pair)[:2]
