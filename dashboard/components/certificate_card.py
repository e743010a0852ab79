"""What provably cannot change the smoothed network's output: the certificate of one scan."""

import math
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from dashboard.components.charts import COLOURS, CONFIG
from dashboard.components.progress import OnShare
from dashboard.components.slow_section import computed, kept
from dashboard.components.words import class_words
from dashboard.language import tr
from dashboard.services import certificates
from dashboard.services.record_types import CertificateNumbers
from dashboard.services.results.common import ModelChoice
from dashboard.services.tasks import Task
from dashboard.services.words import grey_steps
from dashboard.session.state import Chosen

AXIS = 8
"""The axis ends at 8/255, as far as the usual attacks of the lab go."""


def certificate_card(chosen: Chosen, model: ModelChoice, *, task: Task, key: str, attack: float | None = None) -> None:
    """A button, the guarantee in one sentence, and the certified radius on the axis of an attack's strength.

    `key` names the page's button; `attack` is the L-infinity strength of an attack that is drawn beside the radius.
    """
    st.markdown(
        tr(
            "diagnose.failed-attack",
            "A failed attack proves nothing; a certificate does. The smoothed network of {model} adds noise to a "
            "coarse copy of the scan and takes the class that wins the vote. It is a model of its own: the "
            "certificate does not hold for the output above.",
            model=tr(model.title),
        )
    )
    about = repr((chosen.fingerprint, model.id))
    if st.button(
        tr("diagnose.certify-scan", "Certify this scan"), key=f"{key}_certify", icon=":material/verified_user:"
    ):
        computed("certificate", about, partial(_work, model, chosen))
    found = kept("certificate", about)
    if isinstance(found, CertificateNumbers):
        _result(found, task=task, key=key, attack=attack)


def _work(model: ModelChoice, chosen: Chosen, on_share: OnShare) -> CertificateNumbers:
    def on_progress(what: str, done: int, total: int) -> None:
        on_share(tr(what), done / total)

    return certificates.certificate(model, chosen.scan, on_progress)


def _result(found: CertificateNumbers, *, task: Task, key: str, attack: float | None) -> None:
    words = {
        "label": class_words(task, found.label),
        "votes": f"{found.votes[found.label]:,}",
        "draws": f"{found.smoothing.draws:,}",
    }
    if not found.certified:
        st.warning(
            tr(
                "diagnose.no-certificate",
                "No certificate: only {votes} of {draws} noisy copies are classified as {label}.",
                **words,
            ),
            icon=":material/help:",
        )
        return
    linf = grey_steps(found.linf)
    st.success(
        tr(
            "diagnose.label-no",
            "{label}: no change of every pixel by less than {linf} can change this class of the smoothed network.",
            label=words["label"],
            linf=linf,
        ),
        icon=":material/verified_user:",
    )
    st.plotly_chart(
        radius_plot(found, attack=attack),
        key=f"{key}_certificate",
        config=CONFIG,
        alt=tr("diagnose.certified-up", "Certified up to ε = {linf}; beyond it nothing is guaranteed.", linf=linf),
    )
    st.caption(
        tr(
            "diagnose.votes-draws",
            "{votes} of {draws} noisy copies are classified as {label}. In L2 the certified radius is {l2}. The "
            "probability that this certificate is wrong is at most {alpha}. Beyond the radius nothing is known: an "
            "attack may succeed or fail.",
            l2=f"{found.l2:.2f}",
            alpha=f"{found.smoothing.alpha:g}",
            **words,
        )
    )


def radius_plot(found: CertificateNumbers, *, attack: float | None = None) -> go.Figure:
    """The certified radius as a bar on the axis of an attack's epsilon, in steps of 1/255; an `attack` as a line."""
    figure = go.Figure()
    figure.add_bar(
        orientation="h",
        x=[255 * found.linf],
        y=[""],
        marker_color=COLOURS[0],
        marker_pattern_shape="/",
        hovertemplate=f"{grey_steps(found.linf)}<extra></extra>",
    )
    if attack is not None:
        figure.add_vline(
            x=255 * attack,
            line_dash="dash",
            line_color=COLOURS[1],
            annotation_text=tr("diagnose.attack", "this attack"),
        )
    end = max(AXIS, math.ceil(255 * (attack or 0)) + 1)
    ticks = list(range(0, end + 1, max(1, end // AXIS)))
    figure.update_layout(height=110, margin={"l": 0, "r": 8, "t": 8, "b": 0}, showlegend=False)
    figure.update_xaxes(
        title=tr("diagnose.attack-strength", "attack strength ε"),
        range=[0, end],
        tickvals=ticks,
        ticktext=["0", *(f"{k}/255" for k in ticks[1:])],
    )
    figure.update_yaxes(visible=False)
    return figure
