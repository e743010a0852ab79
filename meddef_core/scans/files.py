"""Files on a disk or in an archive: which are passed over, and their bytes within the limit of a single file."""

from pathlib import Path

from meddef_core.errors import ScanError
from meddef_core.scans.limits import MAX_BYTES

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
    """The bytes of a file, MAX_BYTES + 1 at most; raises ScanError when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ScanError(f"The file cannot be read ({error.strerror}); check its permissions.") from error
