"""Which scan belongs to which patient, and which patients to training, validation and test.

Patients, not scans, are divided: two scans of one person never stand on both sides (checked on every build).
"""

import bisect
import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from meddef_core.errors import DataError
from meddef_core.scans.files import is_ignored
from meddef_core.tasks import Task
from meddef_core.text import Text

PARTS = ("train", "val", "test")

PROTOCOLS: dict[str, str] = {
    "official": "the published test list; validation patients carved from the training list",
    "patient_split": "all scans pooled, patients divided 70/15/15",
}

VALIDATION_SHARE = 0.10
"""Share of training patients held out where the data set has no validation list of its own."""

EXTENSIONS = {".jpeg", ".jpg", ".png"}


@dataclass(frozen=True)
class ListedScan:
    """One scan of a list: path below the data folder, class number, patient, and the hash of its bytes."""

    path: str
    label: int
    patient: str
    digest: str


@dataclass(frozen=True)
class Lists:
    """Patient-disjoint lists of one task, and how many byte-identical duplicates were left out."""

    task: str
    protocol: str
    train: tuple[ListedScan, ...]
    val: tuple[ListedScan, ...]
    test: tuple[ListedScan, ...]
    duplicates: int

    def part(self, name: str) -> tuple[ListedScan, ...]:
        """`train`, `val` or `test`."""
        if name not in PARTS:
            raise DataError(
                Text(
                    "sample.no-list",
                    "There is no list {name}; choose one of {known}.",
                    name=repr(name),
                    known=", ".join(PARTS),
                )
            )
        found: tuple[ListedScan, ...] = getattr(self, name)
        return found

    def digest(self, name: str) -> str:
        """sha256 over the content and label of every scan of a part: two runs with one digest saw the same data."""
        lines = sorted(f"{item.digest} {item.label}" for item in self.part(name))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_listed(name: str) -> bool:
    """Whether a path names a scan that a list takes."""
    return Path(name).suffix.lower() in EXTENSIONS and not is_ignored(name)


def patient_of(name: str) -> str:
    """The patient a file name carries.

    `person123_bacteria_456` is `person123`; `IM-0115-0001` is `IM-0115`; `NORMAL2-IM-0115-0001` is
    `NORMAL2-IM-0115`; `CNV-1016042-3` is `1016042` (one OCT patient can occur in several classes).
    """
    stem = Path(name).stem
    if match := re.match(r"(person\d+)_", stem):
        return match[1]
    if match := re.match(r"((?:NORMAL2-)?IM-\d+)-", stem):
        return match[1]
    if match := re.match(r"[A-Z]+-(\d+)-\d+", stem):
        return match[1]
    raise DataError(
        Text(
            "sample.no-patient",
            "No patient can be read from the file name {name}; keep the data set's own file names.",
            name=repr(name),
        )
    )


def build_lists(task: Task, data_dir: Path, *, protocol: str = "official") -> Lists:
    """Read a task's folders into patient-disjoint lists.

    Raises DataError if the folders are missing or empty, or if a patient would stand on two lists.
    """
    if protocol not in PROTOCOLS:
        raise DataError(
            Text(
                "sample.no-protocol",
                "There is no protocol {protocol}; choose one of {known}.",
                protocol=repr(protocol),
                known=", ".join(PROTOCOLS),
            )
        )
    root = data_dir / task.folder
    if not (root / "train").is_dir() or not (root / "test").is_dir():
        raise DataError(
            Text(
                "sample.no-train-test",
                "No {title} scans under {root}: it needs train/ and test/ with one folder a class; see "
                "the README on how to get the data.",
                title=task.title,
                root=root,
            )
        )
    found = {part: _scan_folder(root / part, task, data_dir) for part in PARTS if (root / part).is_dir()}
    if protocol == "patient_split":
        pool, duplicates = _drop_duplicates([item for part in ("test", "val", "train") for item in found.get(part, [])])
        shares = {"train": 0.70, "val": 0.15, "test": 0.15}
        parts = {name: tuple(items) for name, items in _divide(pool, shares, salt=task.key).items()}
    else:
        # The published test list stays as it is, so that results on it can be compared; training loses its copies.
        test = found["test"]
        rest, duplicates = _drop_duplicates([*found.get("val", []), *found["train"]], seen={i.digest for i in test})
        if "val" in found:
            val_paths = {item.path for item in found["val"]}
            divided = {
                "val": [item for item in rest if item.path in val_paths],
                "train": [item for item in rest if item.path not in val_paths],
            }
        else:
            divided = _divide(rest, {"val": VALIDATION_SHARE, "train": 1 - VALIDATION_SHARE}, salt=task.key)
        parts = {"train": tuple(divided["train"]), "val": tuple(divided["val"]), "test": tuple(test)}
    lists = Lists(task.key, protocol, parts["train"], parts["val"], parts["test"], duplicates)
    check_disjoint(lists)
    return lists


def check_disjoint(lists: Lists) -> None:
    """Raise DataError if a patient stands on two lists.

    The official chest test list numbers its `personN` anew, so there a shared number does not mean a shared patient:
    for those, that nobody stands on both lists is the publisher's word. All others are checked by name.
    """
    renumbered = lists.task == "chest" and lists.protocol == "official"
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = {i.patient for i in lists.part(one)} & {i.patient for i in lists.part(other)}
        if renumbered and other == "test":
            shared = {patient for patient in shared if not patient.startswith("person")}
        if shared:
            raise DataError(
                Text(
                    "sample.shared-patients",
                    "{count} patients of {task} stand in both {one} and {other} (for example {patient}); "
                    "move all scans of a patient to one side.",
                    count=len(shared),
                    task=lists.task,
                    one=one,
                    other=other,
                    patient=min(shared),
                )
            )


def _scan_folder(folder: Path, task: Task, data_dir: Path) -> list[ListedScan]:
    items: list[ListedScan] = []
    for name in task.classes:
        files = sorted(p for p in (folder / name).glob("*") if is_listed(p.name))
        if not files:
            raise DataError(
                Text(
                    "sample.class-no-scans",
                    "No scans of class {name} under {folder}; the list is incomplete.",
                    name=name,
                    folder=folder,
                )
            )
        for path in files:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            items.append(
                ListedScan(path.relative_to(data_dir).as_posix(), task.index(name), patient_of(path.name), digest)
            )
    return items


def _drop_duplicates(items: Iterable[ListedScan], *, seen: set[str] | None = None) -> tuple[list[ListedScan], int]:
    known = set(seen or ())
    kept: list[ListedScan] = []
    dropped = 0
    for item in items:
        if item.digest in known:
            dropped += 1
        else:
            known.add(item.digest)
            kept.append(item)
    return kept, dropped


def _divide(items: Sequence[ListedScan], shares: dict[str, float], *, salt: str) -> dict[str, list[ListedScan]]:
    """Divide by patient: each goes where the hash of its name falls, so adding scans moves nobody."""
    names, limits = list(shares), list(itertools.accumulate(shares.values()))
    divided: dict[str, list[ListedScan]] = {name: [] for name in names}
    for item in items:
        place = int(hashlib.sha256(f"{salt}/{item.patient}".encode()).hexdigest()[:8], 16) / 2**32
        divided[names[min(bisect.bisect_right(limits, place), len(names) - 1)]].append(item)
    return divided
