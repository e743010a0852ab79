"""Which models a page offers: none that trained on patients whose scans are offered as samples."""

import json
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import services
from dashboard.services import records
from dashboard.services.models import cards, comparable, models_to_read_with


@pytest.fixture
def with_another_division(tmp_path: Path, models_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models of these tests and a third, trained on a pooled division of all patients."""
    root = tmp_path / "models"
    shutil.copytree(models_root, root)
    other = shutil.copytree(root / "chest" / "meddef", root / "chest" / "meddef-pooled")
    card = json.loads((other / "card.json").read_text())
    card |= {"name": "meddef-pooled", "title": "Pooled", "data": {"protocol": "patient_split"}}
    (other / "card.json").write_text(json.dumps(card))
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(root))
    return root


def test_a_model_of_another_division_reads_no_scan(with_another_division: Path) -> None:
    assert "chest/meddef-pooled" in {card.key for card in cards()}
    for offered in (services.models("chest"), models_to_read_with("chest"), comparable("chest")):
        ids = {choice.id for choice in offered}
        assert "chest/meddef" in ids and "chest/meddef-pooled" not in ids
    assert "chest/meddef-pooled" in {each.card.key for each in records.of_task("chest").models}


def test_no_page_offers_it(app: AppTest, with_another_division: Path) -> None:
    app.run()
    offered = {option for box in [*app.selectbox, *app.multiselect, *app.radio] for option in box.options}
    assert not app.exception and "Pooled" not in offered
