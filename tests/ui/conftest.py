"""A dashboard with small untrained models: these tests are about the pages, not about the readings."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from dashboard.services import teaching, teaching_broken
from meddef_core.model import VARIANTS, MedDef, MedDefConfig
from meddef_core.tasks import TASKS
from meddef_core.zoo import save_model

ROOT = Path(__file__).resolve().parents[2]
MODELS = {"undefended": ("Undefended", "resnet18"), "meddef": ("MedDef", "full")}


@pytest.fixture(scope="session")
def models_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two untrained models a task, in a folder of their own."""
    root = tmp_path_factory.mktemp("models")
    for task in TASKS.values():
        for name, (title, variant) in MODELS.items():
            torch.manual_seed(0)
            shape = MedDefConfig(classes=len(task.classes), width=8, pool=2, mean=task.mean, std=task.std)
            switches: dict[str, Any] = dict(VARIANTS[variant])
            config = replace(shape, **switches)
            save_model(
                root / task.key / name,
                MedDef(config).state_dict(),
                task=task,
                name=name,
                title=title,
                summary="Untrained, for tests.",
                config=config,
                training={},
                data={},
                metrics={},
            )
    return root


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models_root: Path) -> Path:
    """A folder of records of our own, for the untrained models."""
    monkeypatch.setenv("MEDDEF_RESULTS_DIR", str(tmp_path))
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(models_root))
    st.cache_resource.clear()
    return tmp_path


@pytest.fixture
def start(models_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    """Starts a session on a server without real scans, at an address of these parameters."""
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(models_root))
    monkeypatch.delenv("MEDDEF_DATA_DIR", raising=False)
    st.cache_resource.clear()
    st.cache_data.clear()

    def started(**address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
        app.query_params.update(address)
        return app.run()

    yield started
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def app(start: Callable[[], AppTest]) -> AppTest:
    """A fresh session on the page Diagnose."""
    return start()


@pytest.fixture
def shipped(start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """A session with the shipped models and their fits."""
    monkeypatch.delenv("MEDDEF_MODELS_DIR")
    return start()


@pytest.fixture
def short_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps and budgets: these tests are about the page, not about the strength of an attack."""
    monkeypatch.setattr(teaching, "STEPS", 1)
    monkeypatch.setattr(teaching_broken, "STEPS", 1)
    monkeypatch.setattr(teaching, "QUERIES", 2)
    monkeypatch.setattr(teaching, "BUDGETS", (0.0, 4 / 255))
