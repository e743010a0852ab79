"""Certified accuracy as a table in Markdown."""

from pathlib import Path

from meddef_core.records import Accuracy, CertifiedRecord
from meddef_core.records.documents import markdown, read_models, share_cell, shown


def certified_table(*, root: Path | None = None) -> str:
    """One row a record of `meddef certified`: balanced certified accuracy in percent at each radius, with interval."""
    records = read_models(CertifiedRecord, "certified", root=root)
    rows: list[list[str]] = []
    head: list[str] = []
    for key, found in records.items():
        numbers = found.numbers
        columns: list[tuple[str, Accuracy]] = [("any radius", numbers.clean)]
        columns += [(f"L∞ {255 * row.radius:g}/255", row) for row in numbers.linf]
        columns += [(f"L2 {row.radius:g}", row) for row in numbers.l2]
        head = head or [title for title, _ in columns]
        by_title = dict(columns)
        cells = [share_cell(by_title.get(title)) for title in head]
        rows.append([f"{shown(key, found)}, smoothed", str(numbers.n), f"{numbers.smoothing.draws:,}", *cells])
    return markdown(["model", "n", "draws", *head], rows)
