"""Certified accuracy: what provably holds within each radius, whatever the attack."""

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import again, not_measured, save_data, share_columns, share_words, shown_title
from dashboard.language import tr
from dashboard.services import commands
from dashboard.services.record_types import Accuracy, CertifiedNumbers, CertifiedRecord, Match
from dashboard.services.records import TaskRecords

CERTIFIED = "meddef-certified"
"""Name of the model whose smoothed network gives certificates."""


def certified_section(found: TaskRecords) -> None:
    """One table a smoothed network: a row a radius."""
    st.markdown(
        tr(
            "robustness.smoothed-model",
            "A smoothed model adds noise to a coarse copy of the scan and predicts the class with the most votes over "
            "many draws. Below the certified radius no change of the image can change this class: this is proved. It "
            "holds for the smoothed model only.",
        )
    )
    shown = {
        name: record for name, record in found.certified.items() if found.match(name, record) is not Match.UNKNOWN_MODEL
    }
    if not shown:
        not_measured(
            tr("robustness.no-certified", "No certified accuracy of these models."),
            commands.certified_command(found.task, CERTIFIED),
        )
        return
    for name, record in shown.items():
        _record(found, name, record)


def _record(found: TaskRecords, name: str, record: CertifiedRecord) -> None:
    numbers = record.numbers
    titles = {each.card.name: each.card.title for each in found.models}
    st.markdown(f"**{shown_title(titles[name], found.match(name, record))}**")
    rows = {words: share_words(share) for words, share in _rows(numbers)}
    st.table(pd.DataFrame({tr("robustness.correct-certified", "correct and certified"): rows}), border="horizontal")
    st.caption(
        tr(
            "robustness.n-n-draws",
            "n = {n}; {draws} draws for each scan; a certificate is wrong with a probability of at most {alpha}. "
            "Balanced accuracy with 95% intervals. A scan from which the model abstains counts as wrong: {abstained} "
            "of {n}.",
            n=numbers.n,
            draws=f"{numbers.smoothing.draws:,}",
            alpha=f"{numbers.smoothing.alpha:g}",
            abstained=numbers.abstained,
        )
    )
    save_data(certified_columns(name, numbers), name=f"{found.task}-certified-{name}")
    again(commands.certified_command(found.task, name))


def certified_columns(name: str, numbers: CertifiedNumbers) -> pd.DataFrame:
    """A row a radius, with its interval; a radius of 0 is any certificate."""
    rows = [("any", 0.0, numbers.clean), *(("linf", row.radius, row) for row in numbers.linf)]
    rows += [("l2", row.radius, row) for row in numbers.l2]
    return pd.DataFrame(
        {"model": name, "norm": norm, "radius": radius, "n": numbers.n, **share_columns(share)}
        for norm, radius, share in rows
    )


def _rows(numbers: CertifiedNumbers) -> list[tuple[str, Accuracy]]:
    rows: list[tuple[str, Accuracy]] = [(tr("robustness.any-radius", "at any radius"), numbers.clean)]
    rows += [
        (tr("robustness.l-radius", "L∞ {radius}/255", radius=f"{255 * row.radius:g}"), row) for row in numbers.linf
    ]
    rows += [(tr("robustness.l2-radius", "L2 {radius}", radius=f"{row.radius:g}"), row) for row in numbers.l2]
    return rows
