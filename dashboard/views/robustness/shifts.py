"""Predictions on scans that were stretched, cropped, dimmed or blurred without an attacker."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import again, balanced_columns, figure, not_measured, protocol_words
from dashboard.components.words import class_code, counted
from dashboard.language import tr
from dashboard.services import commands
from dashboard.services.record_types import Match, Shifted, ShiftRecord, ShiftRow
from dashboard.services.records import TaskRecords
from dashboard.services.robust_curves import title_of
from dashboard.services.tasks import get_task
from dashboard.views.robustness import figures


def shifts_section(found: TaskRecords) -> None:
    """Each model under each change."""
    st.markdown(
        tr(
            "robustness.each-scan",
            "Each scan is stretched, cropped, dimmed or blurred, and predicted again. None of these changes is a "
            "finding, and a radiologist would report most of these scans as before. A fall in recall means that the "
            "model also uses the shape, the border or the exposure of the image.",
        )
    )
    record = found.shifts
    command = commands.shifts_command(found.task, record)
    rows = () if record is None else _of_these_weights(found, record)
    if record is None or not rows:
        not_measured(tr("robustness.no-predictions", "No predictions on changed scans."), command)
        return
    data = record.scans
    st.caption(
        tr(
            "robustness.balanced-accuracy-95-intervals-n",
            "Balanced accuracy with 95% intervals, n = {n} ({part}, {protocol}). Point at a dot for the recall of "
            "each class: the share of its scans that is classified correctly.",
            n=record.numbers.n,
            part=tr(data.part),
            protocol=protocol_words(data.protocol),
        )
    )
    figure(
        figures.shifts(_series(found, rows)),
        name=f"{found.task}-shifts",
        alt=" ".join(_finding(found, row) for row in rows),
        data=shift_table(record, rows),
    )
    again(command)


def shift_table(record: ShiftRecord, rows: Sequence[ShiftRow]) -> pd.DataFrame:
    """A row for each model and change, a recall column a class."""
    data = record.scans
    about = {"n": record.numbers.n, "list": data.part, "protocol": data.protocol}
    lines = []
    for row in rows:
        for each in row.shifts:
            recalls = {f"recall_{label}": share for label, share in each.recall.items()}
            lines.append({"model": row.model, "change": each.shift} | about | balanced_columns(each) | recalls)
    return pd.DataFrame(lines)


def _of_these_weights(found: TaskRecords, record: ShiftRecord) -> tuple[ShiftRow, ...]:
    """The rows of this server's weights, and those of models without a card; the others are named."""
    rows = record.numbers.rows
    own = tuple(row for row in rows if found.match_claim(row.claim(found.task)) is not Match.OTHER_WEIGHTS)
    others = [_title(found, row) for row in rows if row not in own]
    if others:
        st.warning(
            tr(
                "robustness.measured-other",
                "Measured with other weights, so left out: {models}.",
                models=", ".join(others),
            ),
            icon=":material/report:",
        )
    return own


def _series(found: TaskRecords, rows: Sequence[ShiftRow]) -> list[figures.ShiftSeries]:
    return [
        figures.ShiftSeries(
            model=_name(row.model),
            title=_title(found, row),
            shifts=row.shifts,
            recalls=[_recalls(found.task, each) for each in row.shifts],
        )
        for row in rows
    ]


def _finding(found: TaskRecords, row: ShiftRow) -> str:
    """What one model's dots show, for readers who do not see them."""
    title = _title(found, row)
    own, worst = row.unchanged.balanced_accuracy, row.costliest
    if worst.balanced_accuracy >= own:
        return tr(
            "robustness.model-own", "{model}: {own:.0f}% unchanged; no change lowers it.", model=title, own=100 * own
        )
    label, recall = min(worst.recall.items(), key=lambda each: each[1])
    return tr(
        "robustness.model-own-unchanged",
        "{model}: {own:.0f}% unchanged. Lowest with the change “{change}”: {left:.0f}%, with the lowest recall for "
        "“{label}”, {recall:.0f}%.",
        model=title,
        own=100 * own,
        change=tr(worst.title),
        left=100 * worst.balanced_accuracy,
        label=_code(found.task, label),
        recall=100 * recall,
    )


def _recalls(task: str, share: Shifted) -> str:
    said = (f"{_code(task, label)} {counted(recall)}" for label, recall in share.recall.items())
    return "<br>".join([tr("robustness.recall-each", "Recall of each class:"), *said])


def _code(task: str, label: str) -> str:
    """As every page calls the class; the record's word for one that the task does not have."""
    known = get_task(task)
    return class_code(known, label) if label in known.words else label


def _title(found: TaskRecords, row: ShiftRow) -> str:
    titles = {each.card.key: each.card.title for each in found.models}
    return tr(titles.get(row.model) or title_of(_name(row.model)))


def _name(model: str) -> str:
    """A model's file name: `<name>` of `<task>/<name>`."""
    return model.rpartition("/")[2]
