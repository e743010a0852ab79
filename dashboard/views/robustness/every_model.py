"""Every model of the task, clean and attacked, with how each number was measured."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.record_parts import again, attack_words, not_measured, protocol_words, share_words
from dashboard.language import tr
from dashboard.services import robust_curves
from dashboard.services.commands import first_command
from dashboard.services.records import TaskRecords
from dashboard.services.results.robustness import Point, RobustnessCurve
from dashboard.services.words import Text, short_eps
from dashboard.views.robustness.accuracy_table import accuracy_table, badge_words
from dashboard.views.robustness.curves import curves_section

USUAL = "4/255"


def every_model_section(found: TaskRecords, curves: Sequence[RobustnessCurve]) -> None:
    """A table at an attack strength that the reader chooses, the figure of all, and one model in detail."""
    epsilons = {short_eps(eps): eps for eps in robust_curves.budgets(curves)}
    if not epsilons:
        not_measured(
            tr("robustness.no-robust", "No robust accuracy of these models."), first_command(found.task, found.shipped)
        )
        return
    labels = list(epsilons)
    key = f"robustness_budget_{found.task}"
    if st.session_state.get(key) not in labels:
        st.session_state[key] = USUAL if USUAL in labels else labels[-1]
    chosen = st.segmented_control(
        tr("robustness.attack-strength", "Attack strength ε (largest change of a pixel; the range is 0 to 1)"),
        labels,
        key=key,
        required=True,
        bind="query-params",
        persist_state="session",
        wrap=True,
    )
    eps = epsilons[chosen or labels[-1]]
    accuracy_table(found, curves, (eps,))
    curves_section(found.task, curves)
    _details(found, curves, eps)


def _details(found: TaskRecords, curves: Sequence[RobustnessCurve], eps: float) -> None:
    """How one model's number was measured, and the command that measures it again."""
    known = {curve.key: curve for curve in curves}
    key = f"robustness_details_{found.task}"
    if st.session_state.get(key) not in known:
        st.session_state[key] = next(iter(known))
    picked = st.selectbox(
        tr("robustness.how-measured", "How it was measured"),
        list(known),
        format_func=lambda name: tr(known[name].title),
        key=key,
        persist_state="session",
    )
    curve = known.get(str(picked), curves[0])
    verdict, point = robust_curves.verdict(found, curve.key), curve.at(eps)
    st.markdown(f"{badge_words(verdict.word)} {tr(verdict.meaning)}")
    if curve.other_weights:
        st.caption(tr("robustness.worst-case", "A worst case of other weights is left out."))
    if point is None:
        st.markdown(tr("robustness.not-measured-attack", "Not measured at this attack strength."))
        return
    st.markdown(
        tr("robustness.eps-eps-share", "At ε = {eps}: {share}", eps=point.label, share=share_words(point.share))
    )
    st.caption(_provenance(curve, point))
    again(point.command)


def _provenance(curve: RobustnessCurve, point: Point) -> str:
    if point.source == "worst":
        words = Text(
            "robustness.balanced-accuracy-95-interval",
            "Balanced accuracy, 95% interval. n = {n} ({part}, {protocol}). Worst case of: {attacks}.",
        )
    else:
        words = Text(
            "robustness.balanced-accuracy-95-interval-n",
            "Balanced accuracy, 95% interval. n = {n} ({part}, {protocol}). Upper bound: {attacks}.",
        )
    attacks = "; ".join(attack_words(spec) for spec in point.attacks)
    return tr(words, n=curve.n, part=tr(curve.part), protocol=protocol_words(curve.protocol), attacks=attacks)
