"""Finding the scan that a record names: by its bytes, in a file, among the samples or in the folder of data sets."""

from collections.abc import Callable, Iterator
from pathlib import Path

from meddef_core.data.lists import is_listed
from meddef_core.data.samples import list_samples
from meddef_core.errors import DataError, RecordError, ScanError
from meddef_core.records import ScanRef
from meddef_core.scans import Scan, read_scan, read_scan_isolated
from meddef_core.scans.limits import MAX_BYTES
from meddef_core.scans.scan import digest_of
from meddef_core.tasks import Task, get_task
from meddef_core.text import Text

PARTS = ("test", "val", "train")
"""Where a recorded scan is looked for, most likely first."""

OnLook = Callable[[int], None]
"""Hears how many files were looked at."""


def find_scan(
    ref: ScanRef,
    task_key: str,
    *,
    file: Path | None = None,
    data_dir: Path | None = None,
    on_look: OnLook | None = None,
) -> Scan:
    """The scan whose bytes have the recorded digest, read with the frame and window recorded.

    `file` is taken at its word only if its bytes have that digest. Without it the packaged and drawn samples are
    asked, then the task's folders below `data_dir`. Raises RecordError where it is not found, ScanError where the file
    cannot be read.
    """
    task = get_task(task_key)
    if file is not None:
        return _from_file(ref, file)
    found = _from_samples(ref, task) or (None if data_dir is None else _from_folder(ref, task, data_dir, on_look))
    if found is None:
        looked = (
            Text("record.among-samples", "among the samples")
            if data_dir is None
            else Text("record.among-samples-data", "among the samples and in MEDDEF_DATA_DIR")
        )
        raise RecordError(
            Text(
                "record.scan-not-found",
                "The recorded scan ({digest}…) is not {looked}; name its file with --scan.",
                digest=ref.sha256[:12],
                looked=looked,
            )
        )
    return found


def _from_file(ref: ScanRef, file: Path) -> Scan:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ScanError(
            Text(
                "record.file-unreadable",
                "The file {file} cannot be read ({reason}); check its permissions.",
                file=file,
                reason=error.strerror,
            )
        ) from error
    if digest_of(data) != ref.sha256:
        raise RecordError(
            Text(
                "record.another-file",
                "That file is another scan ({found}…) than the one recorded ({recorded}…); give the file "
                "that was read.",
                found=digest_of(data)[:12],
                recorded=ref.sha256[:12],
            )
        )
    return read_scan_isolated(data, frame=ref.frame, window=ref.window)


def _from_samples(ref: ScanRef, task: Task) -> Scan | None:
    for sample in list_samples(task.key):
        if ref.sample in (None, sample.key):
            scan = sample.load()
            if scan.digest == ref.sha256:
                if sample.data is None or (ref.frame is None and ref.window is None):
                    return scan
                return read_scan(sample.data(), frame=ref.frame, window=ref.window)
            if ref.sample == sample.key:
                raise RecordError(
                    Text(
                        "record.sample-differs",
                        "The sample {key} is drawn or packaged differently here than where it was recorded; use "
                        "the MedDef version that wrote the record.",
                        key=sample.key,
                    )
                )
    return None


def _from_folder(ref: ScanRef, task: Task, data_dir: Path, on_look: OnLook | None) -> Scan | None:
    for number, path in enumerate(_files(data_dir / task.folder), start=1):
        if on_look is not None and number % 100 == 0:
            on_look(number)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(
                Text(
                    "record.folder-scan-unreadable", "A scan of the data folder cannot be read; check MEDDEF_DATA_DIR."
                )
            ) from error
        if digest_of(data) == ref.sha256:
            return read_scan(data, frame=ref.frame, window=ref.window)
    return None


def _files(root: Path) -> Iterator[Path]:
    for part in PARTS:
        for path in sorted((root / part).glob("*/*")):
            if is_listed(path.name):
                yield path
