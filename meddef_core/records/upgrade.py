"""What older versions wrote, as the present version has it: in memory, the file stays as it is."""

from collections.abc import Mapping
from typing import Any

from meddef_core.eps import is_number, parse_eps
from meddef_core.errors import AttackError
from meddef_core.records.envelope import SCHEMA_VERSION
from meddef_core.records.modules import FULL_TITLE

READABLE = (1, SCHEMA_VERSION)
"""Versions that can be read."""


def upgraded(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of a readable version as the present version has it."""
    if document.get("schema_version") == SCHEMA_VERSION:
        return dict(document)
    found = {**float_eps(document), "schema_version": SCHEMA_VERSION}
    return _own_titles(found) if document.get("kind") == "ablation" else found


def _own_titles(document: Mapping[str, Any]) -> dict[str, Any]:
    """An ablation that called its full network as the model that ships: by a title of its own."""
    numbers = document.get("numbers")
    if not isinstance(numbers, Mapping) or not isinstance(rows := numbers.get("rows"), list):
        return dict(document)
    renamed = [
        {**row, "title": FULL_TITLE} if isinstance(row, Mapping) and row.get("variant") == "full" else row
        for row in rows
    ]
    return {**document, "numbers": {**numbers, "rows": renamed}}


def float_eps(value: Any) -> Any:
    """Every "eps" that is a display text as a float, taken from the settings beside it where there are any."""
    if isinstance(value, list):
        return [float_eps(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = {key: float_eps(item) for key, item in value.items()}
    if isinstance(found.get("eps"), str):
        found["eps"] = _exact(found)
    return found


def _exact(row: Mapping[str, Any]) -> Any:
    """The number that a row's text stands for: text has four digits, settings have all."""
    for beside in (row.get("spec"), row.get("attack"), {"eps": row.get("budget")}):
        if isinstance(beside, Mapping) and is_number(beside.get("eps")):
            return beside["eps"]
    label = row["eps"].partition(" (")[0]
    try:
        return parse_eps(label)
    except AttackError:
        return row["eps"]  # for the schema to refuse, which names the place
