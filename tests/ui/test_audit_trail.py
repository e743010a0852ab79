"""What the pages write into the audit log, and what they never do."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from app_driving import attack, main_text, png_of, upload
from streamlit.testing.v1 import AppTest

from dashboard.components.export_buttons import FILES, _noted
from dashboard.session import history
from meddef_core.io.audit_log import record_id


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDDEF_AUDIT_LOG", str(tmp_path / "audit.jsonl"))
    return tmp_path / "audit.jsonl"


def test_predictions_attacks_and_a_clearance_are_told_once_each(log: Path, start: Callable[[], AppTest]) -> None:
    app = start()
    upload(app, png_of(np.random.default_rng(0).integers(0, 60000, (120, 140)).astype(np.uint16)))
    app.run()
    attack(app, "fgsm")
    app.run()
    entries = app.session_state["history"]
    app.button(key="clear_everything").click().run()
    found = lines(log)
    known = {record_id(each.record.document()) for entry in entries for each in entry.kept}
    assert {line["record"] for line in found if "record" in line} == known
    assert len([line for line in found if line["action"] == "attack"]) == 2  # one a model
    assert found[-1]["action"] == "clear" or found[-2]["action"] == "clear"
    (who,) = {str(line["who"]) for line in found}
    assert who.startswith("session ")
    assert "Uploaded" not in log.read_text() and ".png" not in log.read_text()


def test_an_export_is_told_before_the_bytes_are_made(log: Path, app: AppTest) -> None:
    entry: history.HistoryEntry = app.session_state["history"][0]
    (make,) = (make for _, suffix, _, _, make in FILES if suffix == "json")
    document = json.loads(_noted(make, entry, by="session 0123456789abcdef"))
    assert document
    last = lines(log)[-1]
    assert (last["action"], last["who"], last["model"]) == ("export", "session 0123456789abcdef", "oct/meddef")
    assert last["record"] == record_id(entry.kept[0].record.document())


def test_without_a_log_that_can_be_written_nothing_is_shown(
    tmp_path: Path, start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDDEF_AUDIT_LOG", str(tmp_path / "file" / "audit.jsonl"))
    app = start()
    assert not app.exception and "history" not in app.session_state
    assert "The audit log" in main_text(app) and "nothing was done" in main_text(app)
