"""Scans of other hospitals, sorted by class: what a model is measured on and its thresholds are chosen on.

No shipped weight is trained on them. A folder holds one folder a class; a class may be missing.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from meddef_core.data.lists import EXTENSIONS, ListedScan, Lists
from meddef_core.errors import DataError
from meddef_core.tasks import Task
from meddef_core.text import Text

BLOCK = 10
"""Neighbouring files that are kept together where names tell no patient: in volumes they show one eye."""

PROTOCOL = "external"


@dataclass(frozen=True, kw_only=True)
class DevelopmentSet:
    """A set that thresholds may be chosen on: what it shows, and what an accepted output must not be on it."""

    key: str
    task: str
    folder: str
    """Below the data folder."""
    title: str
    labels: str
    """How far its labels can be trusted, in a sentence."""
    errors: Mapping[str, tuple[str, ...]]
    """Outputs that are wrong for sure, by the label of the scan; any other output is allowed."""

    def is_wrong(self, label: str, output: str) -> bool:
        """Whether `output` on a scan of that label is an error."""
        return output in self.errors[label]


DEVELOPMENT_SETS: tuple[DevelopmentSet, ...] = (
    DevelopmentSet(
        key="noor",
        task="oct",
        folder="external/oct_noor",
        title=Text("sample.noor-eye", "Noor Eye Hospital, Tehran (OCT volumes, Heidelberg Spectralis)"),
        labels=Text(
            "sample.labels-per",
            "Labels are per volume: about half of the slices of diseased eyes show no lesion, so DRUSEN and DME "
            "scans may rightly be called NORMAL; NORMAL is clean, and no scan shows CNV.",
        ),
        errors={
            "NORMAL": ("CNV", "DME", "DRUSEN"),
            "DME": ("CNV", "NORMAL"),
            "DRUSEN": ("CNV",),
        },
    ),
    DevelopmentSet(
        key="nih",
        task="chest",
        folder="external/chest_nih",
        title=Text("sample.nih-chestx", "NIH ChestX-ray14 (adults)"),
        labels=Text(
            "sample.labels-mined",
            "Labels were mined from reports and are noisy; adults are outside the population the models learned.",
        ),
        errors={"NORMAL": ("PNEUMONIA",), "PNEUMONIA": ("NORMAL",)},
    ),
)


def development_set(task: Task, data_dir: Path) -> DevelopmentSet | None:
    """The development set of a task where the data folder holds it."""
    for found in DEVELOPMENT_SETS:
        if found.task == task.key and (data_dir / found.folder).is_dir():
            return found
    return None


def external_lists(task: Task, data_dir: Path, folder: str) -> Lists:
    """The scans of a folder below `data_dir` as the test part of lists that hold nothing else.

    An item's `patient` is what must not be divided: the patient a file name tells, or a block of neighbouring files.
    Raises DataError where the folder holds no scan of any of the task's classes.
    """
    root = data_dir / folder
    items: list[ListedScan] = []
    for name in task.classes:
        files = sorted((p for p in (root / name).glob("*") if p.suffix.lower() in EXTENSIONS), key=numbered)
        groups = groups_of(name, files)
        for path, group in zip(files, groups, strict=True):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            items.append(ListedScan(path.relative_to(data_dir).as_posix(), task.index(name), group, digest))
    if not items:
        raise DataError(
            Text(
                "sample.root-no-scans",
                "{root} holds no scans; it needs one folder for each class, named {known}.",
                root=root,
                known=", ".join(task.classes),
            )
        )
    return Lists(task.key, PROTOCOL, (), (), tuple(items), 0)


def numbered(path: Path) -> tuple[str, int]:
    """Sorts files by the number that their names end with: neighbours in a volume stand together."""
    match = re.search(r"(\d+)$", path.stem)
    return (path.stem[: match.start()], int(match[1])) if match else (path.stem, -1)


def groups_of(name: str, files: Sequence[Path]) -> list[str]:
    """The patient a name like 00001373_010 tells, else blocks of neighbours."""
    groups = []
    for place, path in enumerate(files):
        patient = re.match(r"(\d{8})_", path.stem)
        groups.append(patient[1] if patient else f"{name} {place // BLOCK}")
    return groups
