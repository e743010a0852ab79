"""The folder of scans: what stands in it, and how a downloaded archive gets into it."""

import os
import re
import shutil
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from meddef_core.data.lists import PARTS, PROTOCOLS, build_lists, is_listed, patient_of
from meddef_core.errors import DataError
from meddef_core.settings import settings
from meddef_core.tasks import TASKS, Task, get_task
from meddef_core.text import Text

ARCHIVES = {"oct": "OCT2017.tar.gz", "chest": "ChestXRay2017.zip"}
"""Names of the archives under the data set's DOI; Kaggle's editions hold the same folders."""

OnFile = Callable[[int], None]
"""Told the number of scans unpacked so far."""


def find_data_dir(data_dir: Path | None = None) -> Path:
    """The folder of scans: `data_dir`, else `MEDDEF_DATA_DIR`; raises DataError if neither is a folder."""
    path = data_dir or settings().data_dir
    if path is None:
        raise DataError(
            Text(
                "sample.no-data-dir",
                "No data folder is set; set MEDDEF_DATA_DIR to the folder of scans (see the README).",
            )
        )
    if not path.is_dir():
        raise DataError(
            Text(
                "sample.data-dir-missing",
                "The data folder {path} does not exist; correct MEDDEF_DATA_DIR or create it.",
                path=path,
            )
        )
    return path


def status(data_dir: Path) -> dict[str, Any]:
    """What stands in a data folder: for every task and protocol the scans, patients and classes of each list."""
    return {"data_dir": str(data_dir), "tasks": {key: _task_status(task, data_dir) for key, task in TASKS.items()}}


def _task_status(task: Task, data_dir: Path) -> dict[str, Any]:
    described: dict[str, Any] = {"title": task.title, "licence": task.licence, "source": task.source}
    try:
        lists = {protocol: build_lists(task, data_dir, protocol=protocol) for protocol in PROTOCOLS}
    except DataError as error:
        return described | {"ready": False, "problem": str(error)}
    for protocol, found in lists.items():
        described[protocol] = {"duplicates_left_out": found.duplicates}
        for part in PARTS:
            items = found.part(part)
            per_class = Counter(task.classes[item.label] for item in items)
            described[protocol][part] = {
                "scans": len(items),
                "patients": len({item.patient for item in items}),
                "classes": {name: per_class[name] for name in task.classes},
                "sha256": found.digest(part),
            }
    return described | {"ready": True}


def fetch(key: str, *, archive: Path, data_dir: Path, on_file: OnFile | None = None) -> dict[str, Any]:
    """Unpack a downloaded archive (zip or tar) of a task into `data_dir`, whole or not at all.

    Only scans in folders named after a list and a class are taken, and only by their base name. A `val` folder is
    merged into `train`, which carves its own validation patients; where file names carry patients across the lists
    (OCT), training scans of patients on the test list are left out. Returns the counts.
    Raises DataError if the archive cannot be read or holds no such scans, or if the task already has scans.
    """
    task = get_task(key)
    target = data_dir / task.folder
    if target.exists():
        raise DataError(
            Text("sample.target-exists", "{target} already exists; move it away before unpacking again.", target=target)
        )
    if not archive.is_file():
        raise DataError(
            Text(
                "sample.no-archive",
                "There is no archive {archive}; download {file} of {source} and name it with --archive.",
                archive=archive,
                file=ARCHIVES[key],
                source=task.source,
            )
        )
    with _unpacking(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{task.folder}-", dir=data_dir))
    try:
        for count, (part, name, file, stream) in enumerate(_scans_in(archive, task), start=1):
            folder = beside / ("test" if part == "test" else "train") / name
            with _unpacking(data_dir):
                folder.mkdir(parents=True, exist_ok=True)
                with (folder / file).open("wb") as out:
                    shutil.copyfileobj(stream, out)
            if on_file:
                on_file(count)
        left_out = _leave_out_test_patients(beside) if task.key == "oct" else 0
        counts = Counter(path.parts[-3] for path in beside.glob("*/*/*"))
        if not counts["train"] or not counts["test"]:
            raise DataError(
                Text(
                    "sample.archive-no-folders",
                    "{name} holds no train and test folders of {title}; is it the right archive?",
                    name=archive.name,
                    title=task.title,
                )
            )
        with _unpacking(data_dir):
            if hasattr(os, "sync"):
                os.sync()  # the scans before the name that says that they are all there
            beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return {"task": key, "folder": str(target), "scans": dict(counts), "left_out_of_training": left_out}


@contextmanager
def _unpacking(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            Text(
                "sample.cannot-unpack-there",
                "{folder} cannot be written ({reason}); make room or choose another folder: nothing is unpacked.",
                folder=data_dir,
                reason=error.strerror,
            )
        ) from error


def _scans_in(archive: Path, task: Task) -> Iterator[tuple[str, str, str, IO[bytes]]]:
    """(list, class, file name, content) of each scan in the archive; nothing else of a member's path is trusted."""
    pattern = re.compile(rf"(?:^|/)({'|'.join(PARTS)})/({'|'.join(task.classes)})/([^/\\]+)$")

    def match(path: str) -> tuple[str, str, str] | None:
        found = pattern.search(path)
        if not found or not is_listed(path):
            return None
        return found[1], found[2], found[3]

    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                for info in packed.infolist():
                    if place := match(info.filename):
                        with packed.open(info) as stream:
                            yield *place, stream
            return
        with tarfile.open(archive) as tar:
            for member in tar:
                place = match(member.name) if member.isfile() else None
                if place and (content := tar.extractfile(member)):
                    yield *place, content
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise DataError(
            Text(
                "sample.cannot-unpack",
                "{name} cannot be unpacked ({error}); download it again.",
                name=archive.name,
                error=error,
            )
        ) from error


def _leave_out_test_patients(folder: Path) -> int:
    held_out = {patient_of(path.name) for path in (folder / "test").glob("*/*")}
    shared = [path for path in (folder / "train").glob("*/*") if patient_of(path.name) in held_out]
    for path in shared:
        path.unlink()
    return len(shared)
