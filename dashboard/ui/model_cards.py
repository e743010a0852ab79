"""Model cards for reading: every number is taken from the card, none is typed here."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import services
from meddef_core.zoo import Card

STANDARD_LOSS = "ce"
"""The table shows the attack on cross-entropy; the whole card has the others."""

CLEAN = "clean scans"


def model_cards(cards: Sequence[Card]) -> None:
    """For each kind of scan: what its models are, what was measured of them, and the cards whole."""
    if not cards:
        st.warning("There are no models on this server.", icon=":material/warning:")
    for key, task in services.tasks().items():
        # The undefended one last, as everywhere.
        own = sorted((c for c in cards if c.task == key), key=lambda c: (c.name == "undefended", c.name))
        if own:
            st.subheader(task.title, anchor=False)
            st.markdown("\n".join(_line(card) for card in own))
            _measurements(own)
            for card in own:
                _whole(card)


def _line(card: Card) -> str:
    weights = card.weights
    return (
        f"- **{card.title}** (`{card.key}`): {card.summary} {card.parameters / 1e6:.2f} million parameters; weights of "
        f"{weights.bytes / 1e6:.1f} MB, {weights.dtype}, SHA-256 `{weights.sha256[:12]}`."
    )


def _measurements(cards: Sequence[Card]) -> None:
    measured = {card.title: _balanced_by_budget(card.metrics) for card in cards if "clean" in card.metrics}
    if not measured:
        st.caption("Not yet measured.")
        return
    rows = list(dict.fromkeys(row for column in measured.values() for row in column))
    table = pd.DataFrame(
        {title: [column.get(row, "") for row in rows] for title, column in measured.items()}, index=rows
    )
    st.table(table, border="horizontal", alt="Balanced accuracy by attack budget, one column a model")
    counts = ", ".join(sorted({f"{card.metrics['n']} scans" for card in cards if "clean" in card.metrics}))
    st.caption(
        f"Balanced accuracy on the test list ({counts}) with its 95 % interval. The attacks are a quick look, not a "
        "worst case: what they leave standing is an upper bound of the robust accuracy."
    )


def _balanced_by_budget(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Clean, and under the standard attack at each budget."""
    column = {CLEAN: _balanced(metrics["clean"])}
    for attacked in metrics["attacked"]:
        spec = attacked["spec"]
        if spec["loss"] == STANDARD_LOSS:
            column[f"{spec['name'].upper()}-{spec['steps']}, ε = {attacked['eps']}"] = _balanced(attacked)
    return column


def _balanced(summary: Mapping[str, Any]) -> str:
    low, high = summary["balanced_interval"]
    return f"**{100 * summary['balanced_accuracy']:.1f} %** ({100 * low:.1f} to {100 * high:.1f})"


def _whole(card: Card) -> None:
    details = st.expander(f"The whole card of {card.key}", key=f"card_{card.key}", on_change="rerun")
    if details.open:
        with details:
            st.json(card.model_dump(mode="json"), expanded=1)
