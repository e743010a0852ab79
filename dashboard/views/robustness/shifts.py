"""How models read scans that were stretched, cut, dimmed or blurred, which no attacker did."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import again, balanced_columns, figure, not_measured, protocol_words
from dashboard.components.words import class_code, counted
from dashboard.language import tr
from dashboard.services import commands
from dashboard.services.record_types import Match, Shifted, ShiftRecord, ShiftRow
from dashboard.services.records import TaskRecords
from dashboard.services.results.robustness import RobustnessCurve
from dashboard.services.robust_curves import title_of
from dashboard.services.tasks import get_task
from dashboard.views.robustness import figures


def shifts_section(found: TaskRecords, curves: Sequence[RobustnessCurve]) -> None:
    """Each model under each change; a model has the colour that it has among `curves`."""
    st.markdown(
        tr(
            "The scan is stretched, cut, dimmed or blurred, and read again. None of these changes is a finding: a "
            "reader who knows of them would read most of these scans as before. A recall that falls shows what else "
            "the network reads: the scan's shape, frame or exposure."
        )
    )
    record = found.shifts
    command = commands.shifts_command(found.task, record)
    rows = () if record is None else _of_these_weights(found, record)
    if record is None or not rows:
        not_measured(tr("No reading of changed scans."), command)
        return
    data = record.scans
    st.caption(
        tr(
            "Balanced accuracy with 95% intervals, n = {n} ({part}, {protocol}). Each dot also tells the recall of "
            "each class: the share of its scans that is read right.",
            n=record.numbers.n,
            part=tr(data.part),
            protocol=protocol_words(data.protocol),
        )
    )
    figure(
        figures.shifts(_series(found, rows, curves)),
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
            tr("Measured of other weights than these, so left out: {models}.", models=", ".join(others)),
            icon=":material/report:",
        )
    return own


def _series(
    found: TaskRecords, rows: Sequence[ShiftRow], curves: Sequence[RobustnessCurve]
) -> list[figures.ShiftSeries]:
    known = [curve.key for curve in curves if curve.points]  # those that the figure against the budget counts
    names = [_name(row.model) for row in rows]
    order = [*known, *(name for name in names if name not in known)]
    return [
        figures.ShiftSeries(
            number=order.index(name),
            title=_title(found, row),
            shifts=row.shifts,
            recalls=[_recalls(found.task, each) for each in row.shifts],
        )
        for name, row in zip(names, rows, strict=True)
    ]


def _finding(found: TaskRecords, row: ShiftRow) -> str:
    """What one model's dots show, for readers who do not see them."""
    title = _title(found, row)
    own, worst = row.unchanged.balanced_accuracy, row.costliest
    if worst.balanced_accuracy >= own:
        return tr("{model}: {own:.0f}% as it is, and no change costs it anything.", model=title, own=100 * own)
    label, recall = min(worst.recall.items(), key=lambda each: each[1])
    return tr(
        "{model}: {own:.0f}% as it is. The change that costs most: {change}, {left:.0f}%; then the class “{label}” "
        "is read worst, {recall:.0f}% of its scans right.",
        model=title,
        own=100 * own,
        change=tr(worst.title),
        left=100 * worst.balanced_accuracy,
        label=_code(found.task, label),
        recall=100 * recall,
    )


def _recalls(task: str, share: Shifted) -> str:
    said = (f"{_code(task, label)} {counted(recall)}" for label, recall in share.recall.items())
    return "<br>".join([tr("Recall of each class:"), *said])


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
