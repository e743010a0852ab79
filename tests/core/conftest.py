"""Running the command line in this process, on small models and a small scan."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_runs import Result, Run
from tiny_models import save_tiny_model

from meddef_core.cli import main


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    save_tiny_model(root, "oct/meddef")
    save_tiny_model(root, "oct/undefended", variant="resnet18", seed=1)
    return root


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG of noise: what is read does not matter here, how it is answered does."""
    path = tmp_path_factory.mktemp("scans") / "somebody.png"
    values = np.random.default_rng(0).integers(0, 200, (300, 400), dtype=np.uint8)
    assert cv2.imwrite(str(path), values)
    return path


@pytest.fixture
def run(models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(models))
    monkeypatch.delenv("MEDDEF_DATA_DIR", raising=False)

    def call(*arguments: object) -> Result:
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(int(caught.value.code or 0), out, err)

    return call


@pytest.fixture
def noise_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four patients a class and list of OCT-shaped noise, each class with its own brightness."""
    monkeypatch.setenv("MEDDEF_CACHE_DIR", str(tmp_path / "cache"))
    rng, patient = np.random.default_rng(0), 0
    for part in ("train", "val", "test"):
        for level, name in enumerate(("CNV", "DME", "DRUSEN", "NORMAL")):
            folder = tmp_path / "data" / "oct" / part / name
            folder.mkdir(parents=True)
            for _ in range(4):
                patient += 1
                values = rng.integers(0, 60, (240, 320)) + 40 * level
                assert cv2.imwrite(str(folder / f"{name}-{patient}-1.jpeg"), values.astype(np.uint8))
    return tmp_path / "data"
