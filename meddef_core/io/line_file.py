"""A file that only grows by whole lines, open to its owner alone; a full one makes way for the next."""

import os
from itertools import pairwise
from pathlib import Path

from filelock import FileLock

MOST_BYTES = 10 * 1024**2
"""Of one file; a line has some hundred."""

KEPT = 20
"""Older files that are kept beside it, as `name.1` (the newest) and so on."""

WAIT = 10.0
"""Seconds to wait for another process that writes."""

TAIL = 1024**2
"""Bytes at the end among which a line is looked for that an interrupted process may have written."""


class LineFile:
    """Several processes may write to it: each takes the lock beside it."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._most = most_bytes
        self._kept = kept

    def add(self, line: bytes, *, mark: bytes | None = None) -> None:
        """Add a line (without its end), on the disk when this returns; OSError where that cannot be.

        A `mark` is a part of the line that no other has: where it stands near the end already, nothing is added.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self._path.with_name(f"{self._path.name}.lock"), timeout=WAIT, mode=0o600):
            if mark is None or not self._holds(mark):
                self._append(line + b"\n")

    def _append(self, line: bytes) -> None:
        if self._path.exists() and self._path.stat().st_size + len(line) > self._most:
            self._rotate()
        with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 1))
            broken = end > 0 and file.read(1) != b"\n"  # a process was killed in the middle of a line
            os.write(file.fileno(), (b"\n" if broken else b"") + line)
            os.fsync(file.fileno())

    def _holds(self, mark: bytes) -> bool:
        """Whether a whole line with the mark stands near the end, of this file or of the one before it."""
        newest = [self._path, *self._older[:1]]
        lines = (line for path in newest if path.exists() for line in _tail(path).splitlines(keepends=True))
        return any(mark in line and line.endswith(b"\n") for line in lines)

    def _rotate(self) -> None:
        for old, new in reversed(list(pairwise(self._older))):
            if old.exists():
                old.replace(new)
        self._path.replace(self._older[0])

    @property
    def _older(self) -> list[Path]:
        return [self._path.with_name(f"{self._path.name}.{number}") for number in range(1, self._kept + 1)]


def reason(error: OSError) -> str:
    """Why a line could not be added, in the system's words."""
    return error.strerror or "it is locked"


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        return file.read()
