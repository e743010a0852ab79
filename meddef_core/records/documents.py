"""What tables are made of and from: records on disk in, Markdown out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from meddef_core.io.places import assets
from meddef_core.records import Balanced, Record, ReportedTable, match_weights, named, read_file, shipped
from meddef_core.settings import settings
from meddef_core.zoo import list_models

Kind = TypeVar("Kind", bound=Record)

RESULTS = assets("results")
"""The shipped records."""


def results_root() -> Path:
    """The folder of records: `MEDDEF_RESULTS_DIR`, else the shipped one."""
    return settings().results_dir or RESULTS


def read_reported(path: Path | None = None) -> ReportedTable:
    """What the paper reports; DataError if the file cannot be read."""
    return read_file(ReportedTable, path or results_root() / "reported.json")


def read_study(kind: type[Kind], study: str, task: str, *, root: Path | None = None) -> Kind | None:
    """The record `<study>/<task>.json` of a task; None where there is none, DataError where it is damaged."""
    path = (root or results_root()) / study / f"{task}.json"
    return read_file(kind, path) if path.is_file() else None


def read_models(kind: type[Kind], study: str, *, root: Path | None = None) -> dict[str, Kind]:
    """The records `<study>/<task>/<model>.json` by `<task>/<model>`, in order; DataError where one is damaged."""
    folder = (root or results_root()) / study
    return {f"{path.parent.name}/{path.stem}": read_file(kind, path) for path in sorted(folder.glob("*/*.json"))}


def shown(key: str, record: Record, *, title: str | None = None) -> str:
    """A model's key or title as it stands beside a record's numbers: with a remark where they are of other weights."""
    return named(title or key, match_weights(key, record.model.shipped_sha256, shipped(list_models())))


def share_cell(share: Balanced | None) -> str:
    """Balanced accuracy in percent with its interval, as a table shows it; a dash where there is none."""
    if share is None:
        return "-"
    low, high = share.balanced_interval
    return f"{100 * share.balanced_accuracy:.1f} ({100 * low:.0f}-{100 * high:.0f})"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a sentence where there are no rows yet."""
    if not rows:
        return "*Not measured yet.*"
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
