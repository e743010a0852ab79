"""A hospital's scans, sorted by class in folders, and how they are divided into a half to fit and a half to report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from meddef_core.data.external import groups_of, numbered
from meddef_core.errors import DataError, ScanError
from meddef_core.records.site import LabelsHold
from meddef_core.scans.archive import ArchiveEntry, folder_entries
from meddef_core.studies.external_sources import LabelledScans
from meddef_core.tasks import Task
from meddef_core.text import Text
from meddef_core.training.offsets import NO_FINDING

FEWEST, MOST = 50, 1000
"""Scans of a site report: below, no interval is narrow enough to decide; above, it would take hours."""

MISSED_LOSS = 1 / 3
"""Loss of a finding's slice called NORMAL where labels hold for volumes. About half of the slices of a diseased eye
show no lesion, and are called NORMAL more often than the others: of slices called NORMAL, about a third show one."""

KEY = "site"


@dataclass(frozen=True, eq=False)
class SiteSource(LabelledScans):
    """A hospital's scans; `holds` says what their labels hold for."""

    holds: LabelsHold = "slice"

    def is_wrong(self, label: str, output: str) -> bool:
        """Whether an output is an error by the labels: missing a finding is none where labels hold for volumes."""
        return label != output and not (self.holds == "volume" and output == NO_FINDING)

    def of(self, places: NDArray[np.int64]) -> "SiteSource":
        """Some of the scans."""
        return replace(
            self,
            entries=tuple(self.entries[place] for place in places),
            groups=tuple(self.groups[place] for place in places),
        )


def site_source(task: Task, folder: Path, *, holds: LabelsHold, title: str | None = None) -> SiteSource:
    """The scans of a folder with one folder a class, which may hold one folder a patient, or be in one.

    Raises DataError for fewer scans than `FEWEST`, more than `MOST`, or a single class.
    """
    try:
        found = folder_entries(folder, classes=task.classes)
    except ScanError as error:
        raise DataError(str(error)) from error
    labelled = [_labelled(task, folder, entry) for entry in found]
    entries: list[ArchiveEntry] = []
    groups: list[str] = []
    for name in task.classes:
        own = sorted((entry for entry in labelled if entry.truth == name), key=lambda entry: numbered(Path(entry.name)))
        entries += own
        groups += _groups(task, name, own)
    _check(task, folder, entries)
    about = "As sorted by the hospital: " + ("per slice." if holds == "slice" else "per volume.")
    return SiteSource(KEY, title or folder.resolve().name, about, tuple(entries), tuple(groups), holds=holds)


def losses(classes: Sequence[str], holds: LabelsHold) -> NDArray[np.float64]:
    """`(K, K)`: what an output (column) on a scan of a label (row) costs, in [0, 1]."""
    table = 1.0 - np.eye(len(classes))
    if holds == "volume" and NO_FINDING in classes:
        normal = list(classes).index(NO_FINDING)
        table[:, normal] *= MISSED_LOSS
    return table


def halves(labels: NDArray[np.int64], groups: NDArray[np.str_], *, seed: int) -> NDArray[np.bool_]:
    """Which scans are fitted on, `(n,)`; groups stay whole, and each class is divided as evenly as its groups allow.

    Raises DataError where a class has one group alone, which cannot be divided.
    """
    rng, fitted = np.random.default_rng(seed), np.zeros(len(labels), dtype=bool)
    own_label = {str(name): int(labels[groups == name][0]) for name in np.unique(groups)}
    for label in np.unique(labels):
        names = [name for name, own in own_label.items() if own == label]
        if len(names) < 2:
            raise DataError(
                Text(
                    "site.one-group-class",
                    "The scans of one class are of a single patient or block of neighbours, which cannot be "
                    "divided into two halves; add scans of other patients, or leave out --adjust and --finetune.",
                )
            )
        filled = np.zeros(2, dtype=np.int64)
        for name in rng.permutation(np.array(names)):
            half = int(filled.argmin())
            filled[half] += int((groups == name).sum())
            fitted |= (groups == name) & (half == 0)
    return fitted


def _labelled(task: Task, folder: Path, entry: ArchiveEntry) -> ArchiveEntry:
    """The entry with the class of the innermost folder that is named by one: a patient's folder may lie in between."""
    known = {label.casefold(): label for label in task.classes}
    parts = (folder.resolve().name, *PurePosixPath(entry.name).parts[:-1])
    truth = next((known[part.casefold()] for part in reversed(parts) if part.casefold() in known), None)
    return replace(entry, truth=truth)


def _groups(task: Task, name: str, entries: Sequence[ArchiveEntry]) -> list[str]:
    """What must not be divided: the patient of an extra folder, or of the file's name, or a block of neighbours."""
    known = {label.casefold() for label in task.classes}
    by_name = groups_of(name, [Path(entry.name) for entry in entries])
    found = []
    for entry, other in zip(entries, by_name, strict=True):
        extra = [part for part in PurePosixPath(entry.name).parts[:-1] if part.casefold() not in known]
        found.append("/".join(extra) if extra else other)
    return found


def _check(task: Task, folder: Path, entries: Sequence[ArchiveEntry]) -> None:
    classes = ", ".join(task.classes)
    if not entries:
        raise DataError(
            Text(
                "studies.no-class-folder",
                "No file in {folder} stands in a folder named by a class; name them {classes}.",
                folder=folder,
                classes=classes,
            )
        )
    if len(entries) < FEWEST:
        raise DataError(
            Text(
                "site.too-few-scans",
                "{folder} holds {count} scans, and a site report needs at least {least}; add more.",
                folder=folder,
                count=len(entries),
                least=FEWEST,
            )
        )
    if len(entries) > MOST:
        raise DataError(
            Text(
                "site.too-many-scans",
                "{folder} holds {count} scans, and a site report takes at most {most}; take fewer.",
                folder=folder,
                count=len(entries),
                most=MOST,
            )
        )
    if len({entry.truth for entry in entries}) < 2:
        raise DataError(
            Text(
                "site.single-class",
                "All scans in {folder} are of one class, and a site report needs two of {classes}; add one.",
                folder=folder,
                classes=classes,
            )
        )
