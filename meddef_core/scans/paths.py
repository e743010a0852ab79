"""Scans and volumes by the path of their file or folder."""

from pathlib import Path

from meddef_core.errors import ScanError
from meddef_core.scans.archive import folder_entries
from meddef_core.scans.isolated import read_scan_isolated
from meddef_core.scans.limits import MAX_BYTES, MAX_VOLUME_BYTES
from meddef_core.scans.scan import Scan
from meddef_core.scans.volume import Volume, read_volume, volume_of
from meddef_core.text import Text


def scan_at(path: Path, *, frame: int | None = None, window: tuple[float, float] | None = None) -> Scan:
    """The scan in a file, as `read_scan` reads its bytes; raises ScanError."""
    most = MAX_BYTES if frame is None else MAX_VOLUME_BYTES
    return read_scan_isolated(bytes_at(path, most=most), frame=frame, window=window, most_bytes=most)


def volume_at(path: Path) -> Volume:
    """The volume in a folder, an archive or a file, as `read_volume` reads bytes; raises ScanError."""
    if path.is_dir():
        return volume_of(folder_entries(path, classes=()))
    return read_volume(bytes_at(path, most=MAX_VOLUME_BYTES))


def bytes_at(path: Path, *, most: int) -> bytes:
    """What a file holds, or its first `most` + 1 bytes: enough to be refused as too large. Raises ScanError."""
    try:
        with path.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise ScanError(
            Text(
                "scan.file-path",
                "The file {path} cannot be read ({reason}); check its path.",
                path=path,
                reason=error.strerror,
            )
        ) from error
