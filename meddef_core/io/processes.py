"""What work needs around it that is shared by several processes, or must not be."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection
from pathlib import Path

from filelock import FileLock, Timeout

from meddef_core import errors
from meddef_core.errors import DataError, MedDefError
from meddef_core.text import Text

LOCK = ".lock"
"""The file in a run folder whose lock says that the run is at work; it stays behind."""


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Keep other calls out of a run folder, from whatever process; one that is killed lets go of it.

    The processes of one call share the folder: those that NODE_RANK or LOCAL_RANK number above 0 come in unasked.
    Raises DataError where another call is in it, or where nothing can be written.
    """
    if any(int(os.environ.get(rank, "0")) for rank in ("NODE_RANK", "LOCAL_RANK")):
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0).acquire()
    except Timeout as error:
        raise DataError(
            Text(
                "io.another-process",
                "Another process is at work in {folder}; wait until it ends, or choose another run folder.",
                folder=folder,
            )
        ) from error
    except OSError as error:
        raise DataError(
            Text(
                "io.folder-unwritable",
                "{folder} cannot be written ({reason}); choose another run folder.",
                folder=folder,
                reason=error.strerror,
            )
        ) from error
    with lock:
        yield


@contextmanager
def environment_kept() -> Iterator[None]:
    """Take back what Fabric's launcher writes into this process's environment."""
    before = os.environ.get("MASTER_PORT")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("MASTER_PORT", None)


def end_with_parent() -> None:
    """End this process as soon as the one that started it has, however that ended; nothing where none did.

    PyTorch asks the system for an interrupt then, but a call that was started in the background ignores interrupts, and
    its processes would go on in a run folder that nobody keeps for them.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def own_error(traceback: str) -> MedDefError | None:
    """The failure a person can act on that ended a process, if one did: all that comes back from there is its text."""
    name, _, message = traceback.strip().splitlines()[-1].partition(": ")
    kind = getattr(errors, name.removeprefix(f"{errors.__name__}."), None)
    return kind(message) if isinstance(kind, type) and issubclass(kind, MedDefError) else None
