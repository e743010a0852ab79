"""One mechanism registers everything: an entry is there because its file is there, and no other file names it."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dashboard.catalogue import catalogue
from dashboard.navigation import pages
from dashboard.services.lessons.model import read_shelf
from meddef_core.attacks import ATTACKS
from meddef_core.auditing import CHECKS
from meddef_core.baselines.registry import BASELINES, NOT_FAMILIES
from meddef_core.cli.entry import COMMANDS
from meddef_core.explanation import EXPLAINERS
from meddef_core.registry import collected

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Registry:
    """Where entries register, and what was found there."""

    package: str
    tuple_name: str
    key: Callable[[Any], str]
    found: dict[str, Any]
    but: tuple[str, ...] = ()


REGISTRIES = [
    Registry("meddef_core.attacks.methods", "ATTACKS", lambda each: each.name, ATTACKS),
    Registry("meddef_core.baselines", "BASELINES", lambda each: each.name, BASELINES, NOT_FAMILIES),
    Registry("meddef_core.explanation.methods", "EXPLAINERS", lambda each: each.info.key, EXPLAINERS),
    Registry("meddef_core.auditing.checks", "CHECKS", lambda each: each.name, CHECKS),
    Registry("meddef_core.cli", "COMMANDS", lambda each: each.name, COMMANDS, ("entry",)),
    Registry("dashboard.views", "PAGES", lambda each: each.address, {each.address: each for each in pages()}),
]
ALL = pytest.mark.parametrize("registry", REGISTRIES, ids=lambda each: each.tuple_name.lower())


def offered(path: Path, name: str) -> bool:
    """Whether a file assigns `name` itself."""
    targets = [
        target
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return any(isinstance(each, ast.Name) and each.id == name for each in targets)


@ALL
def test_every_file_that_offers_entries_is_found(registry: Registry) -> None:
    folder = Path(str(importlib.import_module(registry.package).__file__)).parent
    files = [
        path
        for path in (*folder.glob("*.py"), *folder.glob("*/__init__.py"))
        if offered(path, registry.tuple_name) and path.stem not in registry.but
    ]
    assert files
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files]
    entries = [each for name in modules for each in getattr(importlib.import_module(name), registry.tuple_name)]
    assert {registry.key(each) for each in entries} <= registry.found.keys()
    assert len({registry.key(each) for each in entries}) == len(entries)


@ALL
def test_a_new_file_is_enough(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the first entry's tuple under another name stands for a file that somebody adds."""
    first = next(iter(registry.found.values()))
    (tmp_path / "added.py").write_text(
        "import copy, importlib\n"
        f"first = importlib.import_module('{type(first).__module__}')\n"
        f"{registry.tuple_name} = (first.ADDED,)\n"
    )
    monkeypatch.setattr(importlib.import_module(type(first).__module__), "ADDED", first, raising=False)
    package = importlib.import_module(registry.package)
    monkeypatch.setattr(package, "__path__", [str(tmp_path)])
    found = collected(registry.package, registry.tuple_name, key=registry.key)
    sys.modules.pop(f"{registry.package}.added")
    assert list(found.values()) == [first]


def test_two_entries_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("THINGS = ('same',)\n")
    monkeypatch.setattr(importlib.import_module("meddef_core.attacks.methods"), "__path__", [str(tmp_path)])
    with pytest.raises(RuntimeError, match="two entries"):
        collected("meddef_core.attacks.methods", "THINGS", key=str)
    for name in ("one", "two"):
        sys.modules.pop(f"meddef_core.attacks.methods.{name}")


def test_modules_stand_by_their_order_then_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, order in (("a_last", 5), ("c", 1), ("b", 1), ("z_first", 0)):
        (tmp_path / f"{name}.py").write_text(f"ORDER = {order}\nTHINGS = ('{name}',)\n")
    monkeypatch.setattr(importlib.import_module("meddef_core.attacks.methods"), "__path__", [str(tmp_path)])
    assert list(collected("meddef_core.attacks.methods", "THINGS", key=str)) == ["z_first", "b", "c", "a_last"]
    for name in ("a_last", "c", "b", "z_first"):
        sys.modules.pop(f"meddef_core.attacks.methods.{name}")


def test_a_lesson_is_one_file() -> None:
    shelf = read_shelf()
    files = sorted(path.stem for path in (ROOT / "assets" / "lessons").glob("*.md"))
    assert sorted(each.key for each in shelf.lessons) == files


def test_every_page_has_a_chinese_title_and_a_script() -> None:
    assert not [each.title for each in pages() if catalogue("zh").find(each.title) is None]
    assert all((ROOT / each.script).is_file() for each in pages())


def test_the_order_that_readers_know() -> None:
    assert [each.address for each in pages()][:3] == ["diagnose", "attack-lab", "attention"]
    assert list(CHECKS).index("square") > list(CHECKS).index("beats_noise"), "black-box attacks need the hardest images"
    assert next(iter(EXPLAINERS)) == "gradcam"


def test_the_help_needs_no_heavy_library() -> None:
    heavy = "{'torch', 'streamlit', 'scipy'}"
    code = f"import sys, meddef_core.cli.entry; sys.exit(sorted({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
