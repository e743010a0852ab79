"""The first numbers of the robustness page: each model clean and attacked, beside how far that can be trusted."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import (
    again,
    attack_words,
    figure,
    not_measured,
    protocol_words,
    share_columns,
    share_words,
)
from dashboard.components.trust import BADGES
from dashboard.language import tr
from dashboard.services import robust_curves
from dashboard.services.models import OFFICIAL
from dashboard.services.records import TaskRecords
from dashboard.services.results.robustness import Point, RobustnessCurve, TrustVerdict
from dashboard.services.words import short_eps
from dashboard.views.robustness.figures import against_epsilon

CARD_WIDTH = 380
"""Pixels: two or three beside each other, one on a telephone."""

USUAL = "4/255"


def headline(found: TaskRecords, curves: Sequence[RobustnessCurve]) -> None:
    """One card a model at a budget that the reader chooses."""
    budgets = {short_eps(eps): eps for eps in robust_curves.budgets(curves)}
    if not budgets:
        not_measured(tr("No robust accuracy of these models."), _first_command(found))
        return
    labels = list(budgets)
    key = f"robustness_budget_{found.task}"
    if st.session_state.get(key) not in labels:
        st.session_state[key] = USUAL if USUAL in labels else labels[-1]
    chosen = st.segmented_control(
        tr("Budget ε of the attacker (largest change of a pixel; the range is 0 to 1)"),
        labels,
        key=key,
        required=True,
        bind="query-params",
        persist_state="session",
    )
    eps = budgets[chosen or labels[-1]]
    with st.container(horizontal=True):
        for curve in curves:
            with st.container(border=True, width=CARD_WIDTH):
                _card(curve, eps, verdict=robust_curves.verdict(found, curve.key))


def curves_section(task: str, curves: Sequence[RobustnessCurve]) -> None:
    """Accuracy against the budget, all models of the task."""
    drawn = [curve for curve in curves if curve.points]
    if not drawn:
        st.info(tr("No model of this task was measured at any budget."), icon=":material/pending:")
        return
    quick = [tr(curve.title) for curve in drawn if not curve.worst]
    worst = [tr(curve.title) for curve in drawn if curve.worst]
    st.markdown(
        tr(
            "Balanced accuracy (the mean over the classes of the share read right) within growing budgets. Bars are "
            "95% intervals."
        )
    )
    if quick:
        st.warning(
            tr(
                "Quick look only for {models}: PGD, as on the card. A stronger attack may leave less standing, so read "
                "the curve as an upper bound.",
                models=", ".join(quick),
            ),
            icon=":material/report:",
        )
    if worst:
        st.info(
            tr(
                "Lines join the quick looks, the same for every model. Arrows go down to the worst case of each scan "
                "under a set of attacks, measured for {models}. Compare line with line and arrowhead with arrowhead.",
                models=", ".join(worst),
            ),
            icon=":material/info:",
        )
    for curve in drawn:
        if curve.protocol != OFFICIAL:
            st.info(
                tr(
                    "{model} was tested on other patients ({protocol}, n = {n}): its curve tells how it reads them, "
                    "not that it is better or worse than the others.",
                    model=tr(curve.title),
                    protocol=protocol_words(curve.protocol),
                    n=curve.n,
                ),
                icon=":material/info:",
            )
    figure(against_epsilon(drawn), name=f"{task}-against-epsilon", alt=_finding(drawn), data=curve_table(drawn))


def badge(verdict: TrustVerdict) -> None:
    """The verdict in a word, an icon and a colour."""
    words, icon, colour = BADGES[verdict.word]
    st.badge(tr(words), icon=icon, color=colour)  # type: ignore[arg-type]


def _card(curve: RobustnessCurve, eps: float, *, verdict: TrustVerdict) -> None:
    point = curve.at(eps)
    st.markdown(f"**{tr(curve.title)}**")
    badge(verdict)
    st.markdown(tr("Clean: {share}", share=share_words(curve.clean)))
    if point is None:
        st.markdown(tr("At this budget: not measured."))
    else:
        st.markdown(tr("At ε = {eps}: {share}", eps=point.label, share=share_words(point.share)))
        st.caption(_provenance(curve, point))
    st.caption(tr(verdict.meaning))
    if curve.other_weights:
        st.caption(tr("A worst case of other weights than these was measured too; it is left out."))
    if point is not None:
        again(point.command)


def _provenance(curve: RobustnessCurve, point: Point) -> str:
    if point.source == "worst":
        words = "Balanced accuracy, 95% interval. n = {n} ({part}, {protocol}). Worst case of: {attacks}."
    else:
        words = "Balanced accuracy, 95% interval. n = {n} ({part}, {protocol}). Quick look, an upper bound: {attacks}."
    attacks = "; ".join(attack_words(spec) for spec in point.attacks)
    return tr(words, n=curve.n, part=tr(curve.part), protocol=protocol_words(curve.protocol), attacks=attacks)


def _finding(curves: Sequence[RobustnessCurve]) -> str:
    """What the figure shows, for readers who do not see it."""
    said = []
    for curve in curves:
        last = curve.points[-1]
        said.append(
            tr(
                "{model}: {clean:.0f}% clean, {last:.0f}% at ε = {eps}.",
                model=tr(curve.title),
                clean=100 * curve.clean.balanced_accuracy,
                last=100 * last.share.balanced_accuracy,
                eps=last.label,
            )
        )
    return tr("Balanced accuracy against the attacker's budget.") + " " + " ".join(said)


def curve_table(curves: Sequence[RobustnessCurve]) -> pd.DataFrame:
    """A row for each model and budget, clean at 0."""
    rows = []
    for curve in curves:
        about = {"model": curve.key, "n": curve.n, "list": curve.part, "protocol": curve.protocol}
        rows.append(about | {"epsilon": 0.0, "attack": "clean"} | share_columns(curve.clean))
        for point in (*curve.quick, *curve.worst):
            attack = "worst case" if point.source == "worst" or point.attack is None else point.attack.name
            rows.append(about | {"epsilon": point.eps, "attack": attack} | share_columns(point.share))
    return pd.DataFrame(rows)


def _first_command(found: TaskRecords) -> str:
    name = found.models[0].card.name if found.models else "meddef"
    return f"meddef evaluate --task {found.task} --model {name} --attacks worst --eps 2/255,0.01,4/255,8/255,0.05"
