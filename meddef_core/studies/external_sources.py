"""Scans of another hospital with their labels: the development half of a public set, or a folder a class."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meddef_core.data.external import DevelopmentSet, development_set, external_lists
from meddef_core.errors import DataError, ScanError
from meddef_core.scans.archive import ArchiveEntry, folder_entries
from meddef_core.scans.files import read_file
from meddef_core.tasks import Task
from meddef_core.text import Text

MOST = 5000
"""Scans of one folder."""

FOLDER = "folder"
"""Key of a source that is no development set."""


@dataclass(frozen=True, eq=False)
class LabelledScans:
    """Scans of known class: files, and what is known of the labels. `groups` name what must not be divided."""

    key: str
    title: str
    labels: str
    entries: tuple[ArchiveEntry, ...]
    groups: tuple[str, ...]
    about: DevelopmentSet | None = None

    def is_wrong(self, label: str, output: str) -> bool:
        """Whether an output on a scan of that label is an error."""
        return label != output if self.about is None else self.about.is_wrong(label, output)

    def wrong(self, classes: Sequence[str], labels: NDArray[np.int64], outputs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which outputs are errors, `(n,)`."""
        pairs = zip(labels, outputs, strict=True)
        return np.array([self.is_wrong(classes[label], classes[output]) for label, output in pairs])


def development_source(task: Task, data_dir: Path) -> LabelledScans:
    """The development half of a task's other hospital; raises DataError where the data folder holds none."""
    about = development_set(task, data_dir)
    if about is None:
        raise DataError(
            Text(
                "studies.no-other-hospital",
                "{folder} holds no scans of another hospital for {task}; name a folder with --data.",
                folder=data_dir,
                task=task.key,
            )
        )
    items = external_lists(task, data_dir, about.folder).test
    entries = tuple(
        ArchiveEntry(Path(item.path).name, task.classes[item.label], partial(read_file, data_dir / item.path))
        for item in items
    )
    return LabelledScans(about.key, about.title, about.labels, entries, tuple(item.patient for item in items), about)


def folder_source(task: Task, folder: Path, *, title: str | None = None) -> LabelledScans:
    """A folder with one folder a class; raises DataError where no file stands in a folder that is named by a class."""
    try:
        found = folder_entries(folder, classes=task.classes)
    except ScanError as error:
        raise DataError(str(error)) from error
    entries = tuple(entry for entry in found if entry.truth is not None)
    if not entries:
        named = ", ".join(task.classes)
        raise DataError(
            Text(
                "studies.no-class-folder",
                "No file in {folder} stands in a folder named by a class; name them {classes}.",
                folder=folder,
                classes=named,
            )
        )
    if len(entries) > MOST:
        raise DataError(
            Text(
                "studies.too-many-scans",
                "{folder} holds {count} scans, and at most {most} are measured at once; take fewer.",
                folder=folder,
                count=len(entries),
                most=MOST,
            )
        )
    groups = tuple(str(place) for place in range(len(entries)))
    return LabelledScans(
        FOLDER, title or folder.resolve().name, "As sorted by whoever made the folder.", entries, groups
    )
