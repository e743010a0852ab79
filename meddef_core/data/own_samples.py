"""A teacher's own scans beside the lessons: pixels alone, 16 bits deep, without a name or a header.

They lie in `scans/<task>/<class>/<id>.png` of the folder of lessons, or in `unknown/` where their class is not known.
"""

from functools import partial
from pathlib import Path

import cv2
import numpy as np

from meddef_core.data.samples import Sample
from meddef_core.errors import DataError
from meddef_core.io.files import replacing
from meddef_core.scans.decode import read_scan
from meddef_core.scans.scan import Scan
from meddef_core.tasks import get_task
from meddef_core.text import Text

OWN = "own scan of a lesson"
"""Origin of such a sample."""

UNKNOWN = "unknown"


def own_samples(folder: Path | None, *, task: str) -> list[Sample]:
    """Own scans for a task in a folder of lessons, in the order of their ids; none without a folder."""
    if folder is None:
        return []
    classes = (*get_task(task).classes, UNKNOWN)
    found = [(path, label) for label in classes for path in sorted((folder / "scans" / task / label).glob("*.png"))]
    return [_sample(path, task, None if label == UNKNOWN else label) for path, label in found]


def keep_scan(scan: Scan, folder: Path, *, task: str, truth: str | None) -> Sample:
    """Write a scan's pixels into the folder, and give it as a sample; raises MedDefError where that cannot be done."""
    known = get_task(task)
    if truth is not None and truth not in known.classes:
        raise DataError(
            Text(
                "sample.no-class",
                "There is no class {name}; choose one of {known}.",
                name=repr(truth),
                known=", ".join(known.classes),
            )
        )
    path = folder / "scans" / task / (truth or UNKNOWN) / f"{scan.short_id}.png"
    _, data = cv2.imencode(".png", np.rint(scan.pixels * 65535).astype(np.uint16))
    with replacing(path) as new:
        new.write_bytes(data.tobytes())
    return _sample(path, task, truth)


def _sample(path: Path, task: str, truth: str | None) -> Sample:
    return Sample(
        key=f"own-{path.stem}",
        task=task,
        title=f"Own scan {path.stem}",
        truth=truth,
        origin=OWN,
        load=partial(_read, path),
    )


def _read(path: Path) -> Scan:
    try:
        return read_scan(path.read_bytes())
    except OSError as error:
        raise DataError(
            Text(
                "sample.lesson-scan-unreadable", "A lesson's own scan can no longer be read; check MEDDEF_LESSONS_DIR."
            )
        ) from error
