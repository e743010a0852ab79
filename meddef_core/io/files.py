"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meddef_core.errors import MedDefError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it takes `path`'s place at the end, or goes if anything was raised.

    Raises MedDefError where the system refuses: the disk is full, or the folder cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise MedDefError(
            f"{path} cannot be written ({error.strerror}); make room or choose another place: what stood there before "
            "is whole."
        ) from error
