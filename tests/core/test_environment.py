"""The installation agrees with itself."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_pip_check_is_clean() -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_folder_of_code_is_a_package() -> None:
    """setuptools leaves a folder without `__init__.py` out of a wheel, while a checkout runs without one."""
    folders = {path.parent for name in ("meddef_core", "dashboard") for path in (ROOT / name).rglob("*.py")}
    assert sorted(str(each) for each in folders if not (each / "__init__.py").is_file()) == []
