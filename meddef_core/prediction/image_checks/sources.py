"""Upright scans to choose on and to report: validation and test lists, and scans of other hospitals where they are.

Groups are what must not be divided between folds: a patient, or a block of file numbers where neighbours are one eye.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from meddef_core.data.lists import EXTENSIONS, Lists
from meddef_core.prediction.image_checks.fit import load_scans, shrunk
from meddef_core.scans import read_scan
from meddef_core.scans.scan import Pixels
from meddef_core.tasks import Task

EXTERNAL = {"oct": ("external/oct_noor",), "chest": ("external/chest_nih",)}
"""Folders of other hospitals' scans below the data folder, one folder a class inside; a missing one adds nothing."""

BLOCK = 20
"""File numbers in a block: more than the scans of one eye."""


@dataclass(frozen=True, eq=False)
class UprightSource:
    """Upright scans of one origin, and the group of each."""

    name: str
    scans: tuple[Pixels, ...]
    groups: tuple[str, ...]


def listed(lists: Lists, part: str, data_dir: Path) -> UprightSource:
    """One part of a task's lists, grouped by patient."""
    items = lists.part(part)
    return UprightSource(part, tuple(load_scans(items, data_dir)), tuple(item.patient for item in items))


def external(task: Task, data_dir: Path) -> list[UprightSource]:
    """The other hospitals' scans that the data folder holds for a task."""
    found = []
    for folder in EXTERNAL[task.key]:
        paths = sorted(path for path in (data_dir / folder).glob("*/*") if path.suffix.lower() in EXTENSIONS)
        if paths:
            scans = tuple(shrunk(read_scan(path.read_bytes()).pixels) for path in paths)
            found.append(UprightSource(Path(folder).name, scans, tuple(group_of(path.stem) for path in paths)))
    return found


def group_of(stem: str) -> str:
    """`NORMAL_123` is block 6 of NORMAL; of `00001281_000` the first eight digits are the patient."""
    if match := re.fullmatch(r"(\d{8})_\d+", stem):
        return match[1]
    if match := re.fullmatch(r"([A-Za-z]+)_(\d+)", stem):
        return f"{match[1]} {int(match[2]) // BLOCK}"
    return stem
