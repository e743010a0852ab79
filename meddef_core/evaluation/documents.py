"""What tables are made of and from: records on disk in, Markdown out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meddef_core.errors import DataError
from meddef_core.settings import settings

RESULTS = Path(__file__).resolve().parents[2] / "assets" / "results"
"""The shipped records."""


def results_root() -> Path:
    """The folder of records: `MEDDEF_RESULTS_DIR`, else the shipped one."""
    return settings().results_dir or RESULTS


def read_record(path: Path) -> dict[str, Any]:
    """A JSON record as it was written; DataError if it cannot be read."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"The record {path.name} cannot be read; measure it again.") from error
    return document


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a sentence where there are no rows yet."""
    if not rows:
        return "*Not measured yet.*"
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
