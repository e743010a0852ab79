"""Model cards as a table: every number is read from the card, none is typed here."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import services
from meddef_core.zoo import Card

STANDARD_LOSS = "ce"
"""The table shows the attack on cross-entropy; the whole card has the others."""


def model_table(cards: Sequence[Card]) -> None:
    """One row a model, and each card whole below for who wants to check."""
    if not cards:
        st.warning("There are no models on this server.", icon=":material/warning:")
        return
    st.table(
        pd.DataFrame([_row(card) for card in cards]),
        hide_index=True,
        border="horizontal",
        alt="The models of this server",
    )
    for card in cards:
        details = st.expander(f"Card of {card.key}", key=f"card_{card.key}", on_change="rerun")
        if details.open:
            with details:
                st.json(card.model_dump(mode="json"), expanded=2)


def _row(card: Card) -> dict[str, str]:
    return {
        "Model": f"**{card.title}**",
        "Kind of scan": services.tasks()[card.task].title,
        "What it is": card.summary,
        "Parameters": f"{card.parameters / 1e6:.2f} M",
        "Weights": f"{card.weights.bytes / 1e6:.1f} MB, {card.weights.dtype}, {card.weights.sha256[:12]}",
        "Balanced accuracy on the test list": "  \n".join(_measured(card.metrics)) or "not yet measured",
    }


def _measured(metrics: Mapping[str, Any]) -> list[str]:
    """Clean, and under the standard attack at each budget, with n and 95 % intervals; empty without measurements."""
    if "clean" not in metrics:
        return []
    lines = [f"clean {_balanced(metrics['clean'])}"]
    for attacked in metrics.get("attacked", ()):
        spec = attacked["spec"]
        if spec["loss"] == STANDARD_LOSS:
            lines.append(f"{spec['name'].upper()}-{spec['steps']} at {attacked['eps']}: {_balanced(attacked)}")
    return [*lines, f"n = {metrics['n']}"]


def _balanced(summary: Mapping[str, Any]) -> str:
    low, high = summary["balanced_interval"]
    return f"{100 * summary['balanced_accuracy']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
