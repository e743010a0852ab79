"""Scans to try without a file of one's own: a real chest film, drawn OCT scans, and test scans where there are any."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from meddef_core.data.phantoms import oct_phantom
from meddef_core.errors import DataError
from meddef_core.scans.decode import read_scan
from meddef_core.scans.files import is_ignored
from meddef_core.scans.scan import Scan
from meddef_core.tasks import get_task
from meddef_core.text import Text

SYNTHETIC = "synthetic"
PACKAGED = Text("sample.pydicom-data", "pydicom-data (MIT)")
TEST_LIST = Text("sample.test-list", "test set of MEDDEF_DATA_DIR")

PER_CLASS = 2
"""Scans of each class taken from a test list."""


@dataclass(frozen=True)
class Sample:
    """One scan on offer. `load` reads or draws it when it is wanted; raises ScanError or DataError."""

    key: str
    """Unique within its task, and the same from run to run."""
    task: str
    title: str
    """For people; never a file name."""
    truth: str | None
    """The class it is known to be, or None."""
    origin: str
    """SYNTHETIC, PACKAGED or TEST_LIST."""
    load: Callable[[], Scan] = field(repr=False, compare=False)
    data: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)
    """The bytes it is read from, where its window can be changed."""


def list_samples(task: str, *, data_dir: Path | None = None) -> list[Sample]:
    """What can be tried for `task`, in the same order every time.

    `data_dir` is a folder laid out as MEDDEF_DATA_DIR; a few scans of its test list join, a list that it does not hold
    adds none. Raises DataError for an unknown task or a `data_dir` that is no folder.
    """
    known = get_task(task)
    samples = _drawn(known.classes) if task == "oct" else [_CHEST_FILM]
    if data_dir is not None:
        if not data_dir.is_dir():
            raise DataError(
                Text(
                    "sample.data-dir-no-folder", "MEDDEF_DATA_DIR is set but is not a folder; correct it, or unset it."
                )
            )
        samples += _from_test_list(data_dir / known.folder / "test", task, known.classes)
    return samples


def _drawn(classes: tuple[str, ...]) -> list[Sample]:
    """One of each class. The healthy one is first, as every page begins with it: the models find it the most usual."""
    return [
        Sample(
            key=f"synthetic-{label}",
            task="oct",
            title=Text("sample.synthetic-b", "Synthetic B-scan, {label}", label=label),
            truth=label,
            origin=SYNTHETIC,
            load=partial(_draw, label),
        )
        for label in reversed(classes)
    ]


def _draw(label: str) -> Scan:
    return oct_phantom(label).scan


def _packaged_bytes() -> bytes:
    """RG1_UNCR.dcm, a chest radiograph from a digital detector, lossless; its patient's name was invented."""
    try:
        return Path(str(distribution("pydicom-data").locate_file("data_store/data/RG1_UNCR.dcm"))).read_bytes()
    except (PackageNotFoundError, OSError) as error:
        raise DataError(
            Text(
                "sample.packaged-film-missing",
                "The packaged chest film is missing; reinstall the pydicom-data package.",
            )
        ) from error


def _packaged_film() -> Scan:
    return read_scan(_packaged_bytes())


_CHEST_FILM = Sample(
    key="chest-film",
    task="chest",
    title=Text("sample.chest-film", "Chest film of an adult (DICOM, computed radiography)"),
    truth=None,
    origin=PACKAGED,
    load=_packaged_film,
    data=_packaged_bytes,
)


def _from_test_list(folder: Path, task: str, classes: tuple[str, ...]) -> list[Sample]:
    samples = []
    for label in classes:
        for number, path in enumerate(_spread(_scans_of(folder / label)), start=1):
            samples.append(
                Sample(
                    key=f"test-{label}-{number}",
                    task=task,
                    title=Text(
                        "sample.test-list-label", "Test set, {label}, scan {number}", label=label, number=number
                    ),
                    truth=label,
                    origin=TEST_LIST,
                    load=partial(_read, path),
                )
            )
    return samples


def _scans_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.jpeg") if not is_ignored(path.name))


def _spread(paths: list[Path]) -> list[Path]:
    """PER_CLASS paths far apart in the list, so that they are of different patients."""
    if len(paths) <= PER_CLASS:
        return paths
    return [paths[len(paths) * (2 * n + 1) // (2 * PER_CLASS)] for n in range(PER_CLASS)]


def _read(path: Path) -> Scan:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            Text("sample.test-scan-unreadable", "A scan of the test set can no longer be read; check MEDDEF_DATA_DIR.")
        ) from error
    return read_scan(data)
