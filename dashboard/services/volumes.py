"""Volumes: files into slices, slices into predictions and small pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from dashboard.services.models import cards, loaded
from dashboard.services.queue import HELD, turn
from dashboard.services.results.common import ModelChoice
from dashboard.services.visitor import has_left, session_id
from dashboard.services.work import QueuePlace
from meddef_core.errors import ScanError
from meddef_core.prediction.volume import SlicePrediction, VolumePrediction, predict_volume
from meddef_core.prediction.volume_rule import VolumeDecision
from meddef_core.records import VolumeRecord, build
from meddef_core.report.results import document_bytes
from meddef_core.report.slices import slices_csv
from meddef_core.report.volume_results import volume_facts, volume_numbers
from meddef_core.scans import Scan, Volume, read_volume
from meddef_core.text import Text

__all__ = [
    "MOST_BYTES",
    "SlicePrediction",
    "VolumeDecision",
    "VolumePrediction",
    "VolumeReading",
    "open_volume",
    "predict",
    "read_slice",
]

MOST_BYTES = 200 * 1024**2
"""Bytes of all files of one volume together."""

PREVIEW = 448
"""Longest side of a small picture in pixels; of a long volume, SMALL."""

SMALL, LONG = 288, 128

QUALITY = 80
"""Of the JPEG that a small picture is."""


@dataclass(frozen=True, eq=False)
class VolumeReading:
    """One model's predictions for a volume. `previews` are JPEG files, None where a slice cannot be read."""

    model: ModelChoice
    volume: Volume
    found: VolumePrediction
    previews: tuple[bytes | None, ...]


def open_volume(files: Sequence[tuple[str, bytes]]) -> Volume:
    """The volume in files, as (name, bytes); raises ScanError, BusyError where memory is short, CancelledError."""
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
    volume = read_volume(files, cancelled=has_left)
    HELD.admit(volume, size, owner=session_id())
    return volume


def read_slice(volume: Volume, number: int) -> Scan:
    """One slice as a scan; raises ScanError, BusyError where memory is short, CancelledError."""
    scan = volume.scan(number, cancelled=has_left)
    HELD.admit(scan, scan.pixels.nbytes, owner=session_id())
    return scan


def predict(
    model: ModelChoice,
    volume: Volume,
    *,
    on_progress: Callable[[int, int], None],
    on_wait: Callable[[QueuePlace], None],
) -> VolumeReading:
    """Every slice predicted. A few at a time wait for their turn, so that a long volume keeps nobody waiting.

    Raises ScanError, ModelError, BusyError, and CancelledError where the session has left.
    """
    previews: dict[int, bytes] = {}
    side = PREVIEW if len(volume) <= LONG else SMALL
    found = predict_volume(
        loaded(model.id),
        volume,
        on_progress=on_progress,
        on_slice=lambda number, scan: previews.__setitem__(number, _preview(scan, side)),
        turn=partial(turn, on_wait, quick=True),
        cancelled=has_left,
    )
    return VolumeReading(model, volume, found, tuple(previews.get(each.number) for each in found.slices))


def json_file(reading: VolumeReading) -> bytes:
    """The record, one row a slice."""
    numbers = volume_numbers(reading.volume, reading.found)
    model, facts = loaded(reading.model.id), volume_facts(reading.volume)
    return document_bytes(build(VolumeRecord, model=model, scan=facts, numbers=numbers))


def csv_file(reading: VolumeReading) -> bytes:
    """The table, one row a slice."""
    return slices_csv(reading.found, card=next(card for card in cards() if card.key == reading.model.id))


def _preview(scan: Scan, side: int) -> bytes:
    factor = min(1.0, side / max(scan.size))
    small = cv2.resize(scan.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", np.rint(255 * small).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
