"""What every launch of several processes through Lightning Fabric needs around it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from meddef_core import errors
from meddef_core.errors import MedDefError


@contextmanager
def environment_kept() -> Iterator[None]:
    """Take back what Fabric's launcher writes into this process's environment."""
    before = os.environ.get("MASTER_PORT")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("MASTER_PORT", None)


def own_error(traceback: str) -> MedDefError | None:
    """The failure a person can act on that ended a process, if one did: all that comes back from there is its text."""
    name, _, message = traceback.strip().splitlines()[-1].partition(": ")
    kind = getattr(errors, name.removeprefix(f"{errors.__name__}."), None)
    return kind(message) if isinstance(kind, type) and issubclass(kind, MedDefError) else None
