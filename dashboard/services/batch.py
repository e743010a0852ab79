"""Many scans in one go: what came up the wire, one row after another, and what they come to."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from dashboard.services import audit
from dashboard.services.models import cards, loaded
from dashboard.services.queue import HELD, turn
from dashboard.services.results.common import ModelChoice
from dashboard.services.visitor import has_left, session_id
from dashboard.services.work import BusyError, OnWait, QuotaError
from meddef_core.errors import ScanError
from meddef_core.io.worker import CancelledError
from meddef_core.prediction.batch import BatchAccuracy, BatchOutcome, read_entry, score, to_csv
from meddef_core.scans.archive import MAX_ENTRIES, ArchiveEntry, upload_entries
from meddef_core.tasks import get_task
from meddef_core.text import Text

__all__ = [
    "MAX_ENTRIES",
    "MOST_BYTES",
    "BatchAccuracy",
    "BatchJob",
    "BatchOutcome",
    "CancelledError",
    "csv_of",
    "file_of",
    "next_row",
    "open_job",
    "score_of",
    "stop",
]

MOST_BYTES = 200 * 1024**2
"""Bytes of all files of one batch together, which this server holds until they are read."""


MOST_KEPT = 32_000_000
"""Bytes of the files of one batch that are kept once they are read, so that a row can open its scan."""


class Held:
    """Stands for the bytes of a job's files where memory is counted, and goes with them."""


@dataclass(frozen=True, eq=False)
class KeptFile:
    """The bytes behind a row, by the row's number."""

    number: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class BatchJob:
    """A batch in its session: what is left to read, the rows so far, and of their files what there is room for."""

    model: ModelChoice
    task: str
    total: int
    entries: tuple[ArchiveEntry, ...] = field(repr=False)
    """What is still to be read."""
    held: Held | None = field(repr=False)
    rows: tuple[BatchOutcome, ...] = field(default=(), repr=False)
    ended: Literal["", "done", "cancelled", "failed"] = ""
    kept: tuple[KeptFile, ...] = field(default=(), repr=False)
    """Files of rows with a prediction, MOST_KEPT bytes together at most; they go with the table."""
    problem: str | None = None
    """Why it failed, in one sentence."""
    read: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was begun (UTC)."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of its task."""
        return tuple(get_task(self.task).classes)


def open_job(files: Sequence[tuple[str, bytes]], *, model: ModelChoice, task: str) -> BatchJob:
    """The files, as (name, bytes), made ready to be read; raises ScanError, BusyError or QuotaError."""
    size = sum(len(data) for _, data in files)
    if size > MOST_BYTES:
        raise ScanError(
            Text(
                "batch.files-mb",
                "The files are {mb:.0f} MB together and at most {most} MB are read at once; choose fewer of them.",
                mb=size / 1024**2,
                most=MOST_BYTES // 1024**2,
            )
        )
    entries = upload_entries(files, classes=tuple(get_task(task).classes))
    held = Held()
    HELD.admit(held, size, owner=session_id())
    audit.note("batch", model=model.id, n=len(entries))
    return BatchJob(model, task, len(entries), entries, held)


def next_row(job: BatchJob, on_wait: OnWait) -> BatchJob:
    """The job one row further. Each scan waits for its own turn, so that a long batch keeps nobody waiting.

    Raises CancelledError where the session has left while a file was decoded: the job is as it was and can be tried
    again.
    """
    entry = job.entries[0]
    loads: list[bytes] = []

    def load() -> bytes:
        loads.append(entry.load())
        return loads[-1]

    row = read_entry(
        loaded(job.model.id),
        replace(entry, load=load),
        number=len(job.rows) + 1,
        turn=partial(turn, on_wait),
        cancelled=has_left,
    )
    kept = job.kept if row.prediction is None else _with_file(job.kept, KeptFile(row.number, loads[-1]))
    left, rows = job.entries[1:], (*job.rows, row)
    if left:
        return replace(job, entries=left, rows=rows, kept=kept)
    return replace(job, entries=(), held=None, rows=rows, kept=kept, ended="done")


def _with_file(kept: tuple[KeptFile, ...], file: KeptFile) -> tuple[KeptFile, ...]:
    """The files with one more, where there is room for it here and on this server."""
    if sum(len(each.data) for each in kept) + len(file.data) > MOST_KEPT:
        return kept
    with suppress(BusyError, QuotaError):
        HELD.admit(file, len(file.data), owner=session_id())
        return (*kept, file)
    return kept


def file_of(job: BatchJob, number: int) -> bytes | None:
    """The file behind a row; None where it is not kept."""
    return next((each.data for each in job.kept if each.number == number), None)


def stop(job: BatchJob, *, problem: str | None = None) -> BatchJob:
    """The job ended before its time: its rows stay, the files that were not read go."""
    return replace(job, entries=(), held=None, ended="cancelled" if problem is None else "failed", problem=problem)


def score_of(job: BatchJob) -> BatchAccuracy | None:
    """Outputs against the classes that folders were named by; None where none was."""
    return score(job.rows, job.classes)


def csv_of(job: BatchJob) -> bytes:
    """The table as a file, stamped with the intended use."""
    card = next(card for card in cards() if card.key == job.model.id)
    return to_csv(job.rows, card=card, classes=job.classes)
