"""The installation agrees with itself."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]

NOT_IMPORTED = {
    "pylibjpeg": "pydicom finds it",
    "pylibjpeg-openjpeg": "pylibjpeg finds it",
    "pydicom-data": "its file is read, its module is not",
    "onnxscript": "torch.onnx imports it",
}
"""Requirements that no line of ours imports, and who needs them."""


def test_pip_check_is_clean() -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_folder_of_code_is_a_package() -> None:
    """setuptools leaves a folder without `__init__.py` out of a wheel, while a checkout runs without one."""
    folders = {path.parent for path in sources()}
    assert sorted(str(each) for each in folders if not (each / "__init__.py").is_file()) == []


def test_every_requirement_is_used() -> None:
    modules = set().union(*(imported(path) for path in [*sources(), ROOT / "streamlit_app.py"]))
    installed = packages_distributions()
    used = {canonicalize_name(name) for module in modules for name in installed.get(module, ())}
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    required = {canonicalize_name(Requirement(line).name) for line in lines if line}
    assert "torch" in used and NOT_IMPORTED.keys() <= required
    assert sorted(required - used - NOT_IMPORTED.keys()) == []


def sources() -> list[Path]:
    return [path for name in ("meddef_core", "dashboard") for path in (ROOT / name).rglob("*.py")]


def imported(path: Path) -> set[str]:
    """The first names of what a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found
