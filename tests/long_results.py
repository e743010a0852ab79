"""Where a long test leaves its figures: a JSON file, by title and row, from which docs/long-tests.md is written.

`MEDDEF_LONG_RESULTS` names the file, as `make test-long` does; without it a run leaves nothing.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from meddef_core.io.files import replacing

VARIABLE = "MEDDEF_LONG_RESULTS"


def keep(title: str, row: str, figures: Mapping[str, Any]) -> None:
    """Write the figures of one row, dated, in place of those of an earlier run."""
    name = os.environ.get(VARIABLE)
    if not name:
        return
    path = Path(name)
    lock = Path(tempfile.gettempdir(), f"{hashlib.sha256(bytes(path.resolve())).hexdigest()[:16]}.lock")
    with FileLock(lock):  # of its own, since two runs may write to one file
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        found.setdefault(title, {})[row] = {"date": f"{datetime.now(UTC):%Y-%m-%d}", **figures}
        with replacing(path) as new:
            new.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
