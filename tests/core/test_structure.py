"""Rules of the layout that hold for the library and the dashboard."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "meddef_core").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py")])


def test_each_public_class_has_a_name_of_its_own() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(ROOT)))
    assert len(found) > 200, "the walk finds the classes"
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
