"""What came of a batch: counts in words, every row, the score where classes are known, the file to take away."""

import pandas as pd
import streamlit as st

from dashboard.components.colours import png_address
from dashboard.components.scan_level import population_line
from dashboard.components.words import class_code, class_words, counted, percent
from dashboard.language import tr
from dashboard.services import batch
from dashboard.services import shared as services
from dashboard.services.tasks import Task
from dashboard.services.words import Text
from dashboard.views.batch.open_row import ROWS, follow_selection

MOST_ROWS = 8
"""Rows shown without scrolling inside the table."""

ROW_PIXELS, HEAD_PIXELS = 52, 38

LEVELS = {
    "usual": Text("batch.usual-scan", "usual scan"),
    "unusual": Text("batch.unusual-scan", "unusual scan"),
    "refused": Text("batch.abstains", "abstains"),
}
"""What the check of a scan found, in words."""


def summary(job: batch.BatchJob) -> None:
    """How many files have a prediction; from how many the model abstained, and how many it could not read."""
    with_output = sum(row.output is not None for row in job.rows)
    said = tr(
        "batch.model-gave",
        "{model} gave a prediction for {n} of {total} files.",
        model=tr(job.model.title),
        n=with_output,
        total=job.total,
    )
    if job.ended == "cancelled":
        left = job.total - len(job.rows)
        st.warning(
            f"{said} " + tr("batch.cancelled-n", "Cancelled: {n} files were not looked at.", n=left),
            icon=":material/cancel:",
        )
    elif job.ended == "failed":
        st.error(f"{said} {job.problem}", icon=":material/error:")
    else:
        st.markdown(f"**{said}**")
    if abstained := sum(row.abstained for row in job.rows):
        st.markdown(
            ":material/block: "
            + tr("batch.model-abstained", "The model abstained from {n}; the table says why.", n=abstained)
        )
    if unread := sum(row.prediction is None for row in job.rows):
        st.markdown(":material/report: " + tr("batch.n-could", "{n} could not be read; the table says why.", n=unread))
    if unusual := sum(_unusual(row) for row in job.rows):
        st.markdown(
            ":material/warning: "
            + tr("batch.unusual-scans", "Unusual scans, whose percentages are not calibrated: {n}.", n=unusual)
        )
    st.caption(tr("batch.begun-time", "Begun at {time} UTC.", time=f"{job.read:%H:%M}"))
    population_line(services.tasks()[job.task])


def _unusual(row: batch.BatchOutcome) -> bool:
    return row.output is not None and row.output.level == "unusual"


def outputs(job: batch.BatchJob) -> None:
    """One number a class: how often it was the model output; and from how many files the model abstained."""
    task = services.tasks()[job.task]
    with st.container(horizontal=True):
        for label in job.classes:
            count = sum(row.output is not None and row.output.label == label for row in job.rows)
            st.metric(class_code(task, label), count, border=True, width=150)
        st.metric(tr("batch.abstains", "abstains"), sum(row.abstained for row in job.rows), border=True, width=150)


def rows_table(job: batch.BatchJob) -> None:
    """Every row: file, output, probabilities, and the reason where there is no output."""
    if not job.rows:
        return
    st.dataframe(
        rows_frame(job),
        key=ROWS,
        hide_index=True,
        height=ROW_PIXELS * min(len(job.rows), MOST_ROWS) + HEAD_PIXELS,
        row_height=ROW_PIXELS,
        column_config={tr("lab.scan", "Scan"): st.column_config.ImageColumn(width="small")},
        on_select=follow_selection,
        selection_mode="single-row",
        alt=tr(
            "batch.n-rows",
            "{n} rows, one a file: model output, probabilities and what could not be read",
            n=len(job.rows),
        ),
    )
    calibrated = any(row.output is not None and row.output.calibration_holds for row in job.rows)
    st.caption(
        tr(
            "batch.model-outputs",
            "Model outputs, not diagnoses; probabilities of usual scans are calibrated on validation patients.",
        )
        if calibrated
        else tr(
            "batch.model-outputs-not",
            "Model outputs, not diagnoses; probabilities are the model's own scoring, not calibrated.",
        )
    )


def rows_frame(job: batch.BatchJob) -> pd.DataFrame:
    """The rows as the page shows them, in the session's language."""
    task = services.tasks()[job.task]
    known = any(row.truth for row in job.rows)
    return pd.DataFrame([_line(row, task, known=known) for row in job.rows])


def _line(row: batch.BatchOutcome, task: Task, *, known: bool) -> dict[str, str | int]:
    found, shares = row.output, row.shares
    line: dict[str, str | int] = {
        tr("batch.row", "Row"): row.number,
        tr("lab.scan", "Scan"): "" if row.thumbnail is None else png_address(row.thumbnail),
        tr("batch.file", "File"): row.name,
        tr("batch.scan-id", "Scan id"): row.short_id or "",
    }
    if known:
        line[tr("batch.known-class", "Known class")] = class_code(task, row.truth) if row.truth else ""
    line[tr("batch.model-output", "Model output")] = (
        class_code(task, found.label) if found else tr("batch.abstains", "abstains") if row.abstained else "—"
    )
    if known:
        line[tr("batch.known", "As known")] = (
            ""
            if not (found and row.truth)
            else tr("batch.yes", "yes")
            if found.label == row.truth
            else tr("batch.no", "no")
        )
    for index, label in enumerate(task.classes):
        line[class_code(task, label)] = percent(shares[index]) if shares else ""
    level = row.prediction.level if row.prediction is not None else None
    line[tr("batch.scan-check", "Scan check")] = "" if level is None else tr(LEVELS[level])
    line[tr("batch.remarks", "Remarks")] = row.remarks
    return line


def score_card(job: batch.BatchJob) -> None:
    """Outputs against known classes; a sentence on how to get one where nothing is known."""
    score = batch.score_of(job)
    if score is None:
        st.caption(
            tr(
                "batch.no-file",
                "No file lay in a folder named by a class, so the outputs cannot be counted against anything known.",
            )
        )
        return
    task = services.tasks()[job.task]
    low, high = score.interval
    st.markdown(
        tr(
            "batch.correct-right", "**Correct for {right} of {n} scans of known class: {share}** (95% interval "
            "{low} to {high}).",
            right=score.right, n=score.n, share=counted(score.accuracy), low=percent(low), high=percent(high),
        )
    )  # fmt: skip
    _balanced(score, task)
    frame = pd.DataFrame(
        score.counts,
        index=[class_code(task, label) for label in score.classes],
        columns=[class_code(task, label) for label in score.classes],
    )
    frame.index.name = tr("batch.known-class-model", "Known class ↓, model output →")
    st.table(frame, border="horizontal", alt=_matrix_alt(score, task))
    said = tr(
        "batch.class-scan",
        "The class of a scan is the name of its folder. Intervals take scans as independent; several of one patient "
        "are not, and make them too narrow.",
    )
    if score.repeated:
        said += " " + tr(
            "batch.files-stand", "Files that stand in the batch twice count once; left out: {n}.", n=score.repeated
        )
    if score.abstained:
        said += " " + tr(
            "batch.scans-model", "Scans that the model abstains from are not counted: {n}.", n=score.abstained
        )
    st.caption(said)


def _balanced(score: batch.BatchAccuracy, task: Task) -> None:
    if score.balanced is None or score.balanced_interval is None:
        missing = ", ".join(class_words(task, label) for label in score.missing)
        st.markdown(
            tr("batch.no-balanced", "No balanced accuracy: no scan here is known to be {classes}.", classes=missing)
        )
        return
    low, high = score.balanced_interval
    st.markdown(
        tr(
            "batch.balanced-accuracy", "Balanced accuracy {share} (95% interval {low} to {high}): the mean "
            "over the classes.",
            share=counted(score.balanced), low=percent(low), high=percent(high),
        )
    )  # fmt: skip


def _matrix_alt(score: batch.BatchAccuracy, task: Task) -> str:
    lines = [
        tr(
            "batch.known-label", "known {label}: {right} of {n} right",
            label=class_words(task, label), right=score.counts[index][index], n=sum(score.counts[index]),
        )
        for index, label in enumerate(score.classes)
    ]  # fmt: skip
    return tr("batch.confusion-matrix", "Confusion matrix") + ". " + "; ".join(lines)
