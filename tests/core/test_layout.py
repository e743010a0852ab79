"""Rules of the layout that hold for the library and the dashboard."""

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted((ROOT / "meddef_core").rglob("*.py"))
DASHBOARD = sorted([*(ROOT / "dashboard").rglob("*.py"), ROOT / "streamlit_app.py"])
DOOR = ROOT / "dashboard" / "services"


def imported(path: Path) -> set[str]:
    """Dotted names of what a file imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_the_contracts_of_pyproject_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"  # in its own process: it sets up logging for all
    command = [program, "--config", ROOT / "pyproject.toml", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_core_is_imported_by_services_alone() -> None:
    outside = [path for path in DASHBOARD if not path.is_relative_to(DOOR)]
    direct = {
        str(path.relative_to(ROOT)): sorted(found)
        for path in outside
        if (found := {name for name in imported(path) if name.split(".")[0] in ("meddef_core", "torch")})
    }
    assert direct == {}


def test_settings_are_checked_before_pytorch_is_loaded() -> None:
    assert imported(DOOR / "__init__.py") == set()


def test_each_public_class_has_a_name_of_its_own() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for path in (*CORE, *DASHBOARD):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(ROOT)))
    assert len(found) > 200, "the walk finds the classes"
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_of_the_core_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_the_root_of_the_core_stays_small() -> None:
    assert len(list((ROOT / "meddef_core").glob("*.py"))) <= 10
