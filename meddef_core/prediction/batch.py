"""Many scans through one model, one after the other; a file that cannot be read costs its own row, never the rest."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from meddef_core.errors import ScanError
from meddef_core.evaluation.metrics import balanced_interval, confusion, wilson
from meddef_core.intended_use import INTENDED_USE
from meddef_core.io.cells import harmless
from meddef_core.prediction.abstention import Reason
from meddef_core.prediction.prediction import Prediction, predict
from meddef_core.scans import FrameError, Scan, read_scan_isolated
from meddef_core.scans.archive import ArchiveEntry, is_zip
from meddef_core.tasks import get_task
from meddef_core.text import Text
from meddef_core.zoo import Card, LoadedModel

THUMBNAIL = 64
"""Longer side of a row's small picture, in pixels."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchOutcome:
    """What came of one entry: a `prediction`, in which the model may abstain, or the `problem` in one sentence."""

    number: int
    """Place in the batch, from 1."""
    name: str
    truth: str | None
    prediction: Prediction | None = None
    problem: str | None = None
    notes: tuple[str, ...] = ()
    """What was assumed or changed while reading."""
    digest: str | None = None
    """SHA-256 of the file's bytes; None where it was not read."""
    short_id: str | None = None
    """`Scan.short_id`; None where it was not read."""
    thumbnail: NDArray[np.uint8] | None = None
    """The scan as a small grey picture; None where it was not read."""

    @property
    def output(self) -> Prediction | None:
        """The prediction, where the model does not abstain."""
        return None if self.prediction is None or self.prediction.abstained else self.prediction

    @property
    def shares(self) -> tuple[float, ...] | None:
        """Probability of each class (`Prediction.shares`); None without an output."""
        return None if self.output is None else self.output.shares

    @property
    def abstained(self) -> bool:
        """Whether the file was read and the model gave no output for it."""
        return self.prediction is not None and self.prediction.abstained is not None

    @property
    def remarks(self) -> str:
        """Why there is no output or why it is doubtful, and what was assumed while reading."""
        said = None if self.prediction is None else self.prediction.sentence
        return self.problem or " ".join((*([] if said is None else [said]), *self.notes))


@dataclass(frozen=True, kw_only=True)
class BatchAccuracy:
    """How often a model was right on the rows whose class is known. Shares have 95% intervals.

    `counts[i][j]` are scans of class i with output j. The balanced accuracy is None where `missing` names classes that
    no scan is known to be of. Intervals take the scans as independent; several of one patient make them too narrow.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    n: int
    right: int
    interval: tuple[float, float]
    balanced: float | None
    balanced_interval: tuple[float, float] | None
    missing: tuple[str, ...]
    repeated: int
    """Rows left out because the same file stands in the batch before."""
    abstained: int
    """Rows left out because the model abstains from them."""

    @property
    def accuracy(self) -> float:
        """Share of the scans with the right output."""
        return self.right / self.n


def read_entry(
    model: LoadedModel,
    entry: ArchiveEntry,
    *,
    number: int,
    turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    cancelled: Callable[[], bool] | None = None,
) -> BatchOutcome:
    """Load and decode one entry and run the model on it; what is wrong with the file becomes the row's `problem`.

    `turn` is held while the model works, not while the file is decoded: a file that takes long keeps no other work
    waiting. `cancelled` ends the decoding. Raises ModelError where the model itself fails: it would fail every other
    entry too; CancelledError where `cancelled` says so.
    """
    try:
        scan = _decoded(entry, cancelled)
    except ScanError as error:
        return BatchOutcome(number=number, name=entry.name, truth=entry.truth, problem=str(error))
    with turn():
        prediction = predict(model, scan)
    return BatchOutcome(
        number=number,
        name=entry.name,
        truth=entry.truth,
        prediction=prediction,
        notes=scan.warnings,
        digest=scan.digest,
        short_id=scan.short_id,
        thumbnail=_thumbnail(scan.pixels),
    )


def _thumbnail(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Grey `(h, w)` in [0, 1] with THUMBNAIL pixels on its longer side, uint8."""
    height, width = pixels.shape
    scale = THUMBNAIL / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    grey: NDArray[np.uint8] = np.clip(np.rint(small * 255.0), 0, 255).astype(np.uint8)
    return grey


def _decoded(entry: ArchiveEntry, cancelled: Callable[[], bool] | None) -> Scan:
    data = entry.load()
    if is_zip(data):
        raise ScanError(
            Text(
                "prediction.file-archive", "The file is an archive inside the batch and is not opened; unpack it first."
            )
        )
    try:
        return read_scan_isolated(data, cancelled=cancelled)
    except FrameError as error:
        raise ScanError(
            Text(
                "prediction.file-holds",
                "The file holds a volume of {frames} slices; predict it by itself, with `meddef predict` or on "
                "the page Diagnose.",
                frames=error.frames,
            )
        ) from error


def score(rows: Iterable[BatchOutcome], classes: Sequence[str]) -> BatchAccuracy | None:
    """Outputs against known classes; None where no row has both. A repeated file counts once."""
    judged: list[tuple[int, int]] = []
    seen: set[str | None] = set()
    repeated = abstained = 0
    for row in rows:
        if row.truth is None or row.prediction is None:
            continue
        if row.digest in seen:
            repeated += 1
        elif row.output is None:
            abstained += 1
        else:
            judged.append((classes.index(row.truth), row.output.index))
        seen.add(row.digest)
    if not judged:
        return None
    truths, outputs = zip(*judged, strict=True)
    counts = confusion(truths, outputs, classes=len(classes))
    totals, right = counts.sum(axis=1), int(counts.trace())
    missing = tuple(name for name, total in zip(classes, totals, strict=True) if total == 0)
    return BatchAccuracy(
        classes=tuple(classes),
        counts=tuple(tuple(map(int, line)) for line in counts),
        n=len(judged),
        right=right,
        interval=wilson(right, len(judged)),
        balanced=None if missing else float(np.mean(counts.diagonal() / totals)),
        balanced_interval=None if missing else balanced_interval(truths, outputs, classes=len(classes)),
        missing=missing,
        repeated=repeated,
        abstained=abstained,
    )


def table(rows: Iterable[BatchOutcome], *, card: Card, classes: Sequence[str]) -> list[dict[str, str]]:
    """The rows as text, by column; what is not known is empty.

    Every row says by which model and for what use: rows are copied out of tables. "calibrated" is "yes" only where the
    probability may be called so (`Prediction.calibration_holds`).
    """
    model = f"{card.key} {card.weights.sha256[:12]}"
    trained_on = get_task(card.task).population.sentence
    return [
        {
            "row": str(row.number),
            "file": row.name,
            "scan_id": row.short_id or "",
            "known_class": row.truth or "",
            "model_output": row.output.label if row.output else "",
            **{f"p_{name}": f"{row.shares[i]:.6f}" if row.shares else "" for i, name in enumerate(classes)},
            "calibrated": ("yes" if row.output.calibration_holds else "no") if row.output else "",
            "level": (row.prediction.level or "") if row.prediction else "",
            "abstained": ("yes" if row.abstained else "no") if row.prediction else "",
            "abstention_reason": _reason(row) or "",
            "remarks": row.remarks,
            "model": model,
            "trained_on": trained_on,
            "intended_use": INTENDED_USE,
        }
        for row in rows
    ]


def _reason(row: BatchOutcome) -> Reason | None:
    return None if row.prediction is None or row.prediction.abstained is None else row.prediction.abstained.reason


def to_csv(rows: Iterable[BatchOutcome], *, card: Card, classes: Sequence[str]) -> bytes:
    """The table as CSV (RFC 4180) in UTF-8 with a byte order mark, by which spreadsheets know the encoding.

    What a spreadsheet would run as a formula has an apostrophe before it (see `meddef_core.io.cells`).
    """
    lines = table(rows, card=card, classes=classes)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(lines[0] if lines else ())
    writer.writerows([harmless(cell) for cell in line.values()] for line in lines)
    return text.getvalue().encode("utf-8-sig")
