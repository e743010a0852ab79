"""Files that appear whole or not at all, also where the power fails."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from meddef_core.errors import MedDefError
from meddef_core.text import Text


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it takes `path`'s place at the end, or goes if anything was raised.

    What was written is on the disk before it takes the place, and the place is on the disk when this returns. Raises
    MedDefError where the system refuses: the disk is full, or the folder cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            _to_disk(beside)
            beside.replace(path)
            _folder_to_disk(path.parent)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise MedDefError(
            Text(
                "io.file-unwritable",
                "{path} cannot be written ({reason}); make room or choose another place: what stood "
                "there before is whole.",
                path=path,
                reason=error.strerror,
            )
        ) from error


def write_pair(path: Path, data: bytes, *, card: Path, text: str) -> None:
    """Write a file and the card that holds its hash: at any moment `read_whole` finds the former pair or the new one.

    Two names cannot change at once, so the former file is kept beside until the card has changed. Raises MedDefError.
    """
    before = _before(path)
    with replacing(card) as new_card:
        new_card.write_text(text, encoding="utf-8")
        with replacing(path) as new:
            new.write_bytes(data)
            if path.exists() and not before.exists():  # one that exists belongs to the card that still stands
                _copy(path, before)
    before.unlink(missing_ok=True)


def read_whole(path: Path, *, sha256: str) -> bytes:
    """The bytes of a file that belong to a card's hash: its own, or those kept when a write was cut off.

    Where neither fits, its own, for the caller to refuse. Raises OSError where there is none.
    """
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        with suppress(OSError):
            kept = _before(path).read_bytes()
            if hashlib.sha256(kept).hexdigest() == sha256:
                return kept
    return data


def _before(path: Path) -> Path:
    return path.with_name(f".{path.name}.before")


def _copy(path: Path, to: Path) -> None:
    with replacing(to) as beside:
        shutil.copyfile(path, beside)


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _folder_to_disk(folder: Path) -> None:
    """Make a new name in a folder last; Windows keeps names by itself, and opens no folder."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
