"""Robust accuracy against attack strength: the figure of all models, its finding in words, and its data."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import figure, protocol_words, share_columns
from dashboard.language import tr
from dashboard.services.models import OFFICIAL
from dashboard.services.results.robustness import RobustnessCurve
from dashboard.views.robustness.figures import against_epsilon


def curves_section(task: str, curves: Sequence[RobustnessCurve]) -> None:
    """Accuracy against attack strength, all models of the task."""
    drawn = [curve for curve in curves if curve.points]
    if not drawn:
        st.info(
            tr("robustness.no-model", "No model of this task was measured at any attack strength."),
            icon=":material/pending:",
        )
        return
    quick = [tr(curve.title) for curve in drawn if not curve.worst]
    worst = [tr(curve.title) for curve in drawn if curve.worst]
    if quick:
        st.warning(
            tr(
                "robustness.pgd-only",
                "PGD only for {models}: an upper bound on robust accuracy; the worst case is lower.",
                models=", ".join(quick),
            ),
            icon=":material/report:",
        )
    if worst:
        st.info(
            tr(
                "robustness.lines-show",
                "Lines show PGD, the same for every model. Arrows go down to the worst case over a set of attacks, "
                "measured for {models}. Compare line with line and arrowhead with arrowhead.",
                models=", ".join(worst),
            ),
            icon=":material/info:",
        )
    for curve in drawn:
        if curve.protocol != OFFICIAL:
            st.info(
                tr(
                    "robustness.model-tested",
                    "{model} was tested on other patients ({protocol}, n = {n}): do not compare it with the others.",
                    model=tr(curve.title),
                    protocol=protocol_words(curve.protocol),
                    n=curve.n,
                ),
                icon=":material/info:",
            )
    figure(against_epsilon(drawn), name=f"{task}-against-epsilon", alt=finding(drawn), data=curve_table(drawn))


def finding(curves: Sequence[RobustnessCurve]) -> str:
    """What the figure shows, for readers who do not see it."""
    said = []
    for curve in curves:
        last = curve.points[-1]
        said.append(
            tr(
                "robustness.model-clean",
                "{model}: {clean:.0f}% clean, {last:.0f}% at ε = {eps}.",
                model=tr(curve.title),
                clean=100 * curve.clean.balanced_accuracy,
                last=100 * last.share.balanced_accuracy,
                eps=last.label,
            )
        )
    return (
        tr("robustness.balanced-accuracy-against", "Balanced accuracy against attack strength.") + " " + " ".join(said)
    )


def curve_table(curves: Sequence[RobustnessCurve]) -> pd.DataFrame:
    """A row for each model and epsilon, clean at 0."""
    rows = []
    for curve in curves:
        about = {"model": curve.key, "n": curve.n, "list": curve.part, "protocol": curve.protocol}
        rows.append(about | {"epsilon": 0.0, "attack": "clean"} | share_columns(curve.clean))
        for point in (*curve.quick, *curve.worst):
            attack = "worst case" if point.source == "worst" or point.attack is None else point.attack.name
            rows.append(about | {"epsilon": point.eps, "attack": attack} | share_columns(point.share))
    return pd.DataFrame(rows)
