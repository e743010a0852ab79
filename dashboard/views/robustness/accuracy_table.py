"""Robust accuracy as a table, a row a model: clean, at some attack strengths, and the audit beside it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import protocol_words, share_words
from dashboard.components.trust import BADGES
from dashboard.language import tr
from dashboard.services import robust_curves
from dashboard.services.records import TaskRecords
from dashboard.services.results.robustness import Point, RobustnessCurve
from dashboard.services.words import short_eps

WORST = "▼"
"""Stands with a worst case, in tables as in figures."""


def accuracy_table(found: TaskRecords, curves: Sequence[RobustnessCurve], epsilons: Sequence[float]) -> None:
    """The table, and below it what its marks mean and on how many scans it was measured."""
    # The verdict stands with the name, as text that wraps: a column of its own or a badge would be cut on a telephone.
    names = [f"{tr(curve.title)} · {verdict_words(robust_curves.verdict(found, curve.key).word)}" for curve in curves]
    st.table(
        pd.DataFrame([_row(curve, epsilons) for curve in curves], index=names),
        border="horizontal",
        alt=tr("robustness.balanced-accuracy", "Balanced accuracy, a row a model, and its audit"),
    )
    points = [point for curve in curves for eps in epsilons if (point := curve.at(eps)) is not None]
    st.caption(" ".join([*_marks(points), _counts(curves)]))


def badge_words(verdict: str) -> str:
    """An audit's verdict as Markdown: a word, an icon and a colour."""
    words, icon, colour = BADGES[verdict]
    return f":{colour}-badge[{icon} {tr(words)}]"


def verdict_words(verdict: str) -> str:
    """An audit's verdict as Markdown: an icon and words."""
    words, icon, _ = BADGES[verdict]
    return f"{icon} {tr(words)}"


def _row(curve: RobustnessCurve, epsilons: Sequence[float]) -> dict[str, str]:
    cells = {f"ε = {short_eps(eps)}": _cell(curve.at(eps)) for eps in epsilons}
    return {tr("lab.clean", "Clean"): share_words(curve.clean)} | cells


def _cell(point: Point | None) -> str:
    if point is None:
        return tr("robustness.not-measured-2", "not measured")
    words = share_words(point.share)
    return f"{words} {WORST}" if point.source == "worst" else words


def _marks(points: Sequence[Point]) -> list[str]:
    said = []
    if any(point.source == "worst" for point in points):
        said.append(
            tr(
                "robustness.mark-worst",
                "{mark} worst case: a scan counts as correct only if every attack of a set failed on it.",
                mark=WORST,
            )
        )
    if any(point.source == "quick" for point in points):
        said.append(
            tr(
                "robustness.without-mark",
                "Without {mark}: PGD only, an upper bound on robust accuracy; the worst case is lower.",
                mark=WORST,
            )
        )
    return said


def _counts(curves: Sequence[RobustnessCurve]) -> str:
    """Number of scans and split; those of other patients are named."""
    counts = dict.fromkeys((curve.n, tr(curve.part), protocol_words(curve.protocol)) for curve in curves)
    return " ".join(
        tr("robustness.n-n", "n = {n} ({part}, {protocol}).", n=n, part=part, protocol=how) for n, part, how in counts
    )
