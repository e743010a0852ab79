"""What every section of the robustness page is made of: words for shares and attacks, figures with their data."""

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.language import language, tr
from dashboard.services import commands
from dashboard.services import shared as services
from dashboard.services.record_types import Accuracy, Balanced, Match, Spec
from dashboard.services.robust_curves import attack_settings, attack_title
from dashboard.services.words import INTENDED_USE, Text

STAMP_WIDTH = {"en": 62, "zh": 30}
"""Letters in a line of the stamp below a figure: it must fit a telephone."""

LOSSES = {
    "ce": Text("robustness.cross-entropy", "cross-entropy"),
    "margin": Text("robustness.margin-logits", "margin of the logits"),
}


def share_words(share: Accuracy) -> str:
    """ "**94.4%** (87.7 to 96.8)": balanced accuracy with its 95% interval."""
    low, high = share.balanced_interval
    return tr(
        "robustness.share-low",
        "**{share}%** ({low} to {high})",
        share=_percent(share.balanced_accuracy),
        low=_percent(low),
        high=_percent(high),
    )


def attack_words(spec: Spec) -> str:
    """ "PGD (20 steps, cross-entropy)": an attack for readers who want to know which."""
    details, settings = [], attack_settings(spec.name)
    if spec.steps > 1 and "steps" in settings:
        details.append(tr("robustness.n-steps", "{n} steps", n=spec.steps))
    if spec.restarts > 1 and "restarts" in settings:
        details.append(tr("robustness.n-restarts", "{n} restarts", n=spec.restarts))
    if spec.loss in LOSSES and "loss" in settings:
        details.append(tr(LOSSES[spec.loss]))
    title = tr(attack_title(spec.name))
    return f"{title} ({', '.join(details)})" if details else title


def shown_title(title: str, found: Match) -> str:
    """A model's title beside a number, with a remark where the number is of other weights than ship under it."""
    words = tr(title)
    return (
        tr("robustness.model-measured", "{model} (measured with earlier weights)", model=words)
        if found is Match.OTHER_WEIGHTS
        else words
    )


def protocol_words(protocol: str) -> str:
    """How the lists of scans were made."""
    known = {
        "official": Text("about.official-split", "official split"),
        "patient_split": Text("about.patient-split", "patient split"),
    }
    return tr(known[protocol]) if protocol in known else protocol


def not_measured(what: str, command: str) -> None:
    """An empty state: what would stand here, and how to make it."""
    st.info(f"{what} {tr('robustness.not-measured', 'Not measured yet. Run:')}", icon=":material/pending:")
    _command(command)


def again(command: str) -> None:
    """How to measure a number again."""
    st.caption(tr("robustness.measure-again", "Measure it again:"))
    _command(command)


def _command(command: str) -> None:
    """The command, and which of its models have to be trained first."""
    st.code(command, language=None, wrap_lines=True)
    alone = commands.records_alone(command, services.cards())
    if alone:
        st.caption(
            tr(
                "robustness.weights-models",
                "The weights of {models} do not ship. Train them first, with the recipe on the card.",
                models=", ".join(alone),
            )
        )


def figure(drawn: go.Figure, *, name: str, alt: str, data: pd.DataFrame) -> None:
    """A figure with its finding in words, its data as CSV, and a camera that saves it as PNG."""
    _stamp(drawn)
    st.plotly_chart(drawn, key=f"robustness_{name}", config=_config(name), alt=alt)
    with st.container(horizontal=True, vertical_alignment="center"):
        save_data(data, name=name)
        st.caption(tr("robustness.camera-above", "The camera above the figure saves it as PNG."))


def save_data(data: pd.DataFrame, *, name: str) -> None:
    """Download a table's numbers."""
    st.download_button(
        tr("robustness.data-csv", "Data as CSV"),
        csv_of(data),
        file_name=f"meddef-{_file_name(name)}.csv",
        mime="text/csv",
        key=f"robustness_csv_{name}",
        icon=":material/download:",
        on_click="ignore",
        help=tr("robustness.numbers-behind", "The numbers behind it, with intervals and numbers of scans."),
    )


def csv_of(data: pd.DataFrame) -> bytes:
    """A table as a CSV file; every row carries the intended use."""
    return data.assign(intended_use=INTENDED_USE).to_csv(index=False).encode()


def share_columns(share: Accuracy, *, prefix: str = "") -> dict[str, float]:
    """A share as columns of a CSV file."""
    return balanced_columns(share, prefix=prefix) | {f"{prefix}accuracy": share.accuracy}


def balanced_columns(share: Balanced, *, prefix: str = "") -> dict[str, float]:
    """The balanced part of a share as columns of a CSV file."""
    low, high = share.balanced_interval
    return {
        f"{prefix}balanced_accuracy": share.balanced_accuracy,
        f"{prefix}interval_low": low,
        f"{prefix}interval_high": high,
    }


def interval_bars(shares: Sequence[Balanced]) -> dict[str, Any]:
    """Plotly's error bars of balanced accuracies in percent."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [100 * (share.balanced_interval[1] - share.balanced_accuracy) for share in shares],
        "arrayminus": [100 * (share.balanced_accuracy - share.balanced_interval[0]) for share in shares],
        "thickness": 1.2,
        "width": 4,
    }


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _stamp(drawn: go.Figure) -> None:
    """The intended use below the figure, so that the saved picture says it too, on the page's own background."""
    lines = textwrap.wrap(tr(INTENDED_USE), STAMP_WIDTH[language()])
    below = 16 * len(lines) + 8
    margin = drawn.layout.margin
    bottom = (margin.b or 0) + below
    drawn.update_layout(
        margin_b=bottom,
        height=(drawn.layout.height or 360) + below,
        paper_bgcolor=st.get_option(f"theme.{st.context.theme.type or 'light'}.backgroundColor"),
    )
    drawn.add_annotation(
        text="<br>".join(lines),
        xref="paper",
        yref="paper",
        x=1,  # from the right: on a telephone the names of bars leave the plot less width than these words
        y=0,
        yshift=-bottom,
        xanchor="right",
        yanchor="bottom",
        align="right",
        showarrow=False,
        font_size=10,
    )


def _config(name: str) -> dict[str, Any]:
    picture = {"format": "png", "filename": f"meddef-{_file_name(name)}", "scale": 2}
    return {
        "displaylogo": False,
        "displayModeBar": True,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": picture,
    }


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
