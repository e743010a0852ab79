"""The pointing game: whether maps point at the lesions of synthetic phantoms, from the record of its measurement."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components.heatmap_panel import caveat
from dashboard.components.wide_table import wide_table
from dashboard.components.words import class_code, counted, percent
from dashboard.language import tr
from dashboard.services import inspection, inspection_scores
from dashboard.services.results.attention import Inspected, Pointing, PointingScores
from dashboard.services.tasks import Task


def pointing(inspected: Sequence[Inspected], *, task: Task) -> None:
    """Scores that were measured once; nothing is computed here."""
    st.markdown(
        tr(
            "attention.synthetic-phantoms",
            "Synthetic phantoms are drawings with one lesion at a known place. A map scores when its strongest point "
            "lies on that lesion or close beside it. Phantoms are drawn by a program, not taken of patients: a score "
            "says where a map points on drawings, and nothing of real disease.",
        )
    )
    found = inspection_scores.pointing(task.key)
    if not found:
        st.info(
            tr(
                "attention.no-scores",
                "No scores are here: assets/results/pointing holds no record of this kind of scan. Run `meddef point`.",
            ),
            icon=":material/folder_off:",
        )
        return
    chosen = {each.model.id for each in inspected}
    shown = [scores for scores in found if scores.model.id in chosen]
    if not shown:
        st.info(
            tr("attention.none-chosen", "None of the chosen models was scored on phantoms."), icon=":material/info:"
        )
    for scores in shown:
        _card(scores, task=task)
    caveat(
        tr(
            "attention.chance-score",
            "Chance is the score of a point placed at random; centre, that of the middle of the picture.",
        ),
        tr("attention.interval-reaches", "An interval that reaches down to either shows nothing."),
    )


def _card(scores: PointingScores, *, task: Task) -> None:
    st.subheader(tr(scores.model.title), anchor=False)
    if not scores.current:
        st.warning(
            tr(
                "attention.these-scores",
                "These scores are of other weights than this server's; run `meddef point` again.",
            ),
            icon=":material/warning:",
        )
    counts = ", ".join(f"{class_code(task, label)} {right}/{n}" for label, right, n in scores.read_right)
    st.caption(
        tr(
            "attention.phantoms-read",
            "Correctly classified phantoms: {counts}. Where a model misclassifies them, its scores say little.",
            counts=counts,
        )
    )
    columns = (
        tr("attention.lesion", "On the lesion"),
        tr("attention.95-interval", "95% interval"),
        tr("attention.chance", "Chance"),
        tr("attention.centre", "Centre"),
        "n",
    )
    titles = inspection.titles()
    rows = {tr(titles.get(row.map, row.map)): _cells(row) for row in scores.rows}
    wide_table(pd.DataFrame(rows, index=list(columns)).T, key="attention_pointing_table")


def _cells(row: Pointing) -> list[str]:
    low, high = (percent(end) for end in row.interval)
    interval = tr("attention.low-high", "{low} to {high}", low=low, high=high)
    return [counted(row.score), interval, counted(row.chance), counted(row.centre), str(row.n)]
