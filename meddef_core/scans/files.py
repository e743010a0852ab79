"""Files on a disk or in an archive: which are passed over, and their bytes within the limit of a single file."""

import os
import stat
from pathlib import Path

from meddef_core.errors import ScanError
from meddef_core.scans.limits import MAX_BYTES
from meddef_core.text import Text

CD_INDEX = "dicomdir"

IGNORED = frozenset(("__macosx", "thumbs.db", "desktop.ini", CD_INDEX))
"""What systems and recorders leave beside scans, in small letters; so are names that begin with a dot."""


def parts_of(name: str) -> list[str]:
    """The folders and the file of a path, whichever system wrote it."""
    return name.replace("\\", "/").split("/")


def is_ignored(name: str) -> bool:
    """Whether a path, relative to where scans are looked for, is none of a scan and is passed over in silence."""
    return any(
        part.casefold() in IGNORED or (part.startswith(".") and part not in (".", "..")) for part in parts_of(name)
    )


def read_file(path: Path) -> bytes:
    """The bytes of an ordinary file, MAX_BYTES + 1 at most; raises ScanError for what is none, or cannot be read.

    A pipe, a socket or a device is not opened: reading it might never end, or do something.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ScanError(
                Text(
                    "scan.no-ordinary",
                    "This is no ordinary file but a folder, pipe, socket or device; save the scan as a file.",
                )
            )
        with open(path, "rb", opener=_without_waiting) as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ScanError(
            Text(
                "scan.file-cannot", "The file cannot be read ({reason}); check its permissions.", reason=error.strerror
            )
        ) from error


def _without_waiting(path: str, flags: int) -> int:
    """Open at once what may have become a pipe since it was looked at."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
