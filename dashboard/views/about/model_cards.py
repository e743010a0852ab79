"""Model cards for reading, one at a time: every number is taken from the card, none is typed here."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import share_words
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.record_types import Card, CardFigures
from dashboard.services.records import TaskRecords
from dashboard.services.words import format_eps
from dashboard.views.about.card_facts import facts


def model_cards(found: Sequence[TaskRecords]) -> None:
    """For one kind of scan, one model: what it is, what was measured of it, and its card whole."""
    known = {each.task: each for each in found if each.models}
    if not known:
        st.warning(tr("about.there-no", "There are no models on this server."), icon=":material/warning:")
        return
    tasks = services.tasks()
    task = st.segmented_control(
        tr("batch.kind-scan", "Kind of scan"),
        list(known),
        format_func=lambda key: tr(tasks[key].title),
        default=next(iter(known)),
        required=True,
        key="about_task",
        persist_state="session",
        label_visibility="collapsed",
    )
    models = {one.card.key: one for one in known[task if task in known else next(iter(known))].models}
    picked = st.selectbox(
        tr("diagnose.model", "Model"),
        list(models),
        format_func=lambda key: tr(models[key].card.title),
        key=f"about_model_{task}",
        persist_state="session",
    )
    one = models.get(str(picked), next(iter(models.values())))
    st.markdown(f"**{tr(one.card.title)}** (`{one.card.key}`): {tr(one.card.summary)}")
    about, measured = st.columns([3, 2], gap="large")
    with about:
        _card(one.card, others=[other.card for other in models.values()])
    with measured:
        _measurements(one.figures)


def _card(card: Card, *, others: Sequence[Card]) -> None:
    st.markdown("\n".join(f"- {fact}" for fact in facts(card, others=others)))
    details = st.expander(
        tr("about.whole-card", "The whole card of {key}", key=card.key), key=f"card_{card.key}", on_change="rerun"
    )
    if details.open:
        with details:
            st.json(card.model_dump(mode="json"), expanded=1)


def _measurements(figures: CardFigures | None) -> None:
    if figures is None:
        st.caption(tr("about.not-yet", "Not yet measured."))
        return
    st.table(
        pd.DataFrame({tr("about.balanced-accuracy", "balanced accuracy"): _by_epsilon(figures)}),
        border="horizontal",
        alt=tr("about.balanced-accuracy-clean", "Balanced accuracy, clean and at each attack strength"),
    )
    st.caption(
        tr(
            "about.balanced-accuracy-test",
            "Balanced accuracy on the test set (n = {n}) with 95% intervals. The attacks give an upper bound on robust "
            "accuracy; the worst case is lower. The page *Robustness* compares the models.",
            n=figures.n,
        )
    )


def _by_epsilon(figures: CardFigures) -> dict[str, str]:
    """Clean, and at each epsilon under the attack of the card with the lowest accuracy."""
    rows: dict[str, str] = {tr("about.clean-scans-2", "clean scans"): share_words(figures.clean)}
    by_strength = sorted(figures.attacked, key=lambda row: row.balanced_accuracy, reverse=True)
    strongest = {row.eps: row for row in by_strength}
    for eps in dict.fromkeys(row.eps for row in figures.attacked):
        spec = strongest[eps].spec
        rows[f"{spec.name.upper()}-{spec.steps}, ε = {format_eps(eps)}"] = share_words(strongest[eps])
    return rows
