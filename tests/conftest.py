"""Fixtures shared by every test."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

SLOW = {
    "test_ablation", "test_admission", "test_cli_audit", "test_cli_process", "test_decode_hostile",
    "test_decode_mutations", "test_decode_workers", "test_dissection", "test_evaluate_scale", "test_image_checks",
    "test_image_checks_real", "test_killed", "test_offsets", "test_pruning_cli", "test_settings",
    "test_shipped_models", "test_site", "test_training_interrupted", "test_training_paper", "test_training_processes",
    "test_wheel", "test_zoo",
}  # fmt: skip
"""Files of tests/core with over half of its time: `make test-fast` leaves them out."""

TRACED = Path(__file__).parent / "traced"
CONNECTIONS = Path(tempfile.mkdtemp(prefix="meddef-connections-")) / "log"
os.environ["TRACED_CONNECTIONS"] = str(CONNECTIONS)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(TRACED), os.environ.get("PYTHONPATH"))))
sys.path.insert(0, str(TRACED))
sys.modules.pop("sitecustomize", None)
import sitecustomize  # noqa: E402, F401  (children import it by themselves)

torch.set_num_threads(1)  # most tests are small, and two threads that wait for each other are slower than one


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def nothing_goes_out() -> Iterator[None]:
    """No test makes this process, or a Python process that it starts, connect to another machine."""
    yield
    if CONNECTIONS.exists():
        asked = CONNECTIONS.read_text()
        CONNECTIONS.unlink()
        pytest.fail(f"another machine was asked for:\n{asked}")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real scans; tests that need it skip without it."""
    value = os.environ.get("MEDDEF_DATA_DIR")
    if not value:
        pytest.skip("needs real scans: set MEDDEF_DATA_DIR to a folder laid out as the README describes")
    path = Path(value).resolve()
    assert path.is_dir(), f"MEDDEF_DATA_DIR points at {path}, which is not a folder"
    return path


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of both tasks with a few striped 64-pixel pictures: the loop and the lists run on it for real."""
    root = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(0)

    def write(path: Path, bright: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = 0.5 + 0.4 * np.sin(np.arange(64)[:, None] * (0.2 + bright))
        pixels = np.clip(rows + 0.1 * rng.standard_normal((64, 64)), 0, 0.95)
        Image.fromarray((pixels * 255).astype(np.uint8)).save(path, quality=95)

    for label, name in enumerate(("CNV", "DME", "DRUSEN", "NORMAL")):
        for part, patients in (("train", range(1, 9)), ("val", range(101, 104)), ("test", range(201, 204))):
            for patient in patients:
                write(root / "oct" / part / name / f"{name}-{1000 * label + patient}-1.jpeg", label / 3)
    for number in range(40):
        write(root / "chest_xray" / "train" / "NORMAL" / f"IM-{number:04d}-0001.jpeg", 0.0)
        write(root / "chest_xray" / "train" / "PNEUMONIA" / f"person{number}_virus_{number}.jpeg", 1.0)
    for number in range(5):
        write(root / "chest_xray" / "test" / "NORMAL" / f"IM-{900 + number:04d}-0001.jpeg", 0.0)
        write(root / "chest_xray" / "test" / "PNEUMONIA" / f"person{number}_bacteria_{number}.jpeg", 1.0)
    return root


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Preprocessed images go into the test's own folder."""
    monkeypatch.setenv("MEDDEF_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"
