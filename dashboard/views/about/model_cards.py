"""Model cards for reading: every number is taken from the card, none is typed here."""

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

MODELS_ABREAST = 3
"""Columns of a table: as many as a telephone has room for. A wider one scrolls sideways, and by no key."""


def model_cards(found: Sequence[TaskRecords]) -> None:
    """For each kind of scan: what its models are, what was measured of them, and the cards whole."""
    if not any(each.models for each in found):
        st.warning(tr("There are no models on this server."), icon=":material/warning:")
    for each in found:
        if not each.models:
            continue
        st.subheader(tr(services.tasks()[each.task].title), anchor=False)
        _measurements({tr(one.card.title): one.figures for one in each.models if one.figures is not None})
        for one in each.models:
            _card(one.card, others=[other.card for other in each.models])


def _card(card: Card, *, others: Sequence[Card]) -> None:
    with st.container(border=True):
        st.markdown(f"**{tr(card.title)}** (`{card.key}`): {tr(card.summary)}")
        st.markdown("\n".join(f"- {fact}" for fact in facts(card, others=others)))
        details = st.expander(tr("The whole card of {key}", key=card.key), key=f"card_{card.key}", on_change="rerun")
        if details.open:
            with details:
                st.json(card.model_dump(mode="json"), expanded=1)


def _measurements(measured: dict[str, CardFigures]) -> None:
    if not measured:
        st.caption(tr("Not yet measured."))
        return
    columns = {title: _balanced_by_budget(figures) for title, figures in measured.items()}
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    titles = list(columns)
    for first in range(0, len(titles), MODELS_ABREAST):
        abreast = titles[first : first + MODELS_ABREAST]
        table = pd.DataFrame({title: [columns[title].get(row, "") for row in rows] for title in abreast}, index=rows)
        st.table(table, border="horizontal", alt=tr("Balanced accuracy by attack budget, one column a model"))
    counts = ", ".join(sorted({str(figures.n) for figures in measured.values()}))
    st.caption(
        tr(
            "Balanced accuracy on the test list ({n} scans) with its 95% interval. The attacks are a quick look, not "
            "a worst case: what they leave standing is an upper bound of the robust accuracy. The page *Robustness* "
            "tells how far each number can be trusted.",
            n=counts,
        )
    )


def _balanced_by_budget(figures: CardFigures) -> dict[str, str]:
    """Clean, and at each budget under the attack of the card that leaves the least standing."""
    column: dict[str, str] = {tr("clean scans"): share_words(figures.clean)}
    by_strength = sorted(figures.attacked, key=lambda row: row.balanced_accuracy, reverse=True)
    strongest = {row.eps: row for row in by_strength}
    for eps in dict.fromkeys(row.eps for row in figures.attacked):
        spec = strongest[eps].spec
        column[f"{spec.name.upper()}-{spec.steps}, ε = {format_eps(eps)}"] = share_words(strongest[eps])
    return column
