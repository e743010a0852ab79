"""The tables of docs/long-tests.md, from what the long tests left in docs/long-tests.json."""

import json
from pathlib import Path
from typing import Any

HEADS = {
    "date": "date",
    "files": "files",
    "read": "read",
    "refused": "refused in one sentence",
    "ended": "over a limit, one sentence",
    "unforeseen": "unknown exceptions in a worker",
    "other": "exceptions, crashes in the server",
    "slow": "over 5 s",
    "slowest_s": "slowest (s)",
    "memory_mb": "most memory (MB)",
    "kills": "kills",
    "at_work": "of them at work",
    "same_numbers": "same numbers in the end",
    "steps": "steps",
    "steps_with_pictures": "with pictures",
    "sections": "sections",
    "axe": "serious faults found by axe",
    "least_width": "least share of the width by pictures",
}


def tables(path: Path) -> str:
    """A section for each kind of test, a row for each format or command."""
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return "\n".join(_section(title, found[title]) for title in sorted(found))


def _section(title: str, rows: dict[str, dict[str, Any]]) -> str:
    columns = [name for name in HEADS if all(name in row for row in rows.values())]
    lines = [f"| | {' | '.join(HEADS[name] for name in columns)} |", f"|---{'|---' * len(columns)}|"]
    lines += [f"| {name} | {' | '.join(_cell(row[key]) for key in columns)} |" for name, row in sorted(rows.items())]
    return "\n".join([f"## {title}", "", *lines, ""])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "0"
    return f"{value:,}" if isinstance(value, int) else str(value)
