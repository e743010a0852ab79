"""A wheel, installed beside the packages it needs and away from the checkout: command line, dashboard and examples."""

import json
import os
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from served import free_port, wait_until_up

from meddef_core.cli.input import open_scan
from meddef_core.prediction.prediction import predict
from meddef_core.zoo import MODELS, load_model

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
TREES = ("meddef_core", "dashboard", "assets", ".streamlit")
FILES = ("pyproject.toml", "setup.py", "requirements.txt", "README.md", "LICENSE", "streamlit_app.py")
CARRIED = {"oct": ("meddef", "undefended"), "chest": ("meddef",)}
"""Models of the wheel that is built here: with all of them it takes three times as long."""

BUILD = "from setuptools import build_meta; build_meta.build_sdist('dist')"

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a checkout that are built from, in a folder that may be written to."""
    folder = tmp_path_factory.mktemp("source")
    for name in TREES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.tmp"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for task in (folder / "assets" / "models").iterdir():
        for model in task.iterdir():
            if model.name not in CARRIED[task.name]:
                shutil.rmtree(model)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """Built from a source distribution, as `python -m build` and PyPI's users do."""
    built = subprocess.run([sys.executable, "-c", BUILD], cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (sdist,) = (source / "dist").glob("*.tar.gz")
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(source / "dist"), str(sdist))
    (found,) = (source / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment with the wheel, which sees this one's packages, but not the checkout that they point to."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip("install", "--no-compile", str(wheel), python=folder / "bin" / "python")
    packages = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    # A line of a .pth file adds that folder alone: the .pth files in there, such as an editable install's, do nothing.
    (Path(packages) / "test-environment.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    yield folder


@pytest.fixture
def call(installed: Path, tmp_path: Path) -> Call:
    def run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [str(installed / "bin" / program), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=clean(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    return run


def pip(*arguments: str, python: Path | None = None) -> None:
    place = [] if python is None else ["--python", str(python)]
    command = [sys.executable, "-m", "pip", *place, arguments[0], "--quiet", "--no-deps", "--no-index", *arguments[1:]]
    done = subprocess.run(command, env=clean(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def clean() -> dict[str, str]:
    """Our environment without settings of MedDef, and without the checkout on Python's path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEDDEF_")}
    paths = [path for path in kept.pop("PYTHONPATH", "").split(os.pathsep) if path and Path(path).resolve() != ROOT]
    return kept | ({"PYTHONPATH": os.pathsep.join(paths)} if paths else {})


def test_the_wheel_holds_whatever_is_read(source: Path, wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assets = {path.relative_to(source) for path in (source / "assets").rglob("*") if path.is_file()}
    of_pages = {path.relative_to(source) for path in (source / "dashboard").rglob("*.*") if path.is_file()}
    assert len(assets) > 50 and any(path.suffix == ".js" for path in of_pages)
    assert sorted(str(path) for path in assets if f"meddef_core/{path.as_posix()}" not in names) == []
    assert sorted(str(path) for path in of_pages if path.as_posix() not in names) == []
    others = {"py.typed", "__init__.pyi", "assets/.streamlit/config.toml"}
    assert {"streamlit_app.py", *(f"meddef_core/{name}" for name in others)} <= names
    assert not [name for name in names if name.startswith(("tests/", "assets/", "tools/"))]


def test_it_is_the_wheel_that_runs(call: Call, installed: Path) -> None:
    script = "import meddef_core, dashboard; print(meddef_core.__file__); print(dashboard.__file__)"
    for line in call("python", "-c", script).stdout.splitlines():
        assert Path(line).resolve().is_relative_to(installed.resolve())
    assert [model["key"] for model in json.loads(call("meddef", "models", "--json").stdout)["models"]] == [
        f"{task}/{name}" for task, names in sorted(CARRIED.items()) for name in names
    ]


def test_it_predicts_as_the_checkout_does(call: Call, scan: Path) -> None:
    found = json.loads(call("meddef", "predict", str(scan), "--task", "oct", "--json").stdout)
    model = load_model("oct/meddef", root=MODELS, at_site=False)
    expected = predict(model, open_scan(scan, frame=None, window=None))
    assert found["model"]["weights_sha256"] == model.card.weights.sha256
    assert found["numbers"]["logits"] == pytest.approx(list(expected.logits), abs=1e-4)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(call: Call, path: Path) -> None:
    said = call("python", str(path)).stdout
    told = {"01_predict": "NORMAL", "02_attack": "oct/meddef: NORMAL becomes NORMAL", "03_audit_your_model": "red: "}
    assert said.startswith(told[path.stem]) or told[path.stem] in said


def test_the_dashboard_runs(call: Call, installed: Path, tmp_path: Path) -> None:
    script = (
        "from streamlit.testing.v1 import AppTest\nfrom meddef_core.io.places import app_script\n"
        "app = AppTest.from_file(str(app_script()), default_timeout=300)\napp.query_params['lang'] = 'zh'\n"
        "app.run()\nassert not app.exception\nprint(app.sidebar.button[0].label)"
    )
    assert "清除" in call("python", "-c", script).stdout
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as out:
        command = [str(installed / "bin" / "meddef"), "app", "--port", str(port)]
        process = subprocess.Popen(
            command, cwd=tmp_path, env=clean(), stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            wait_until_up(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=60)
