"""Which models a page offers: none that saw the patients of its samples; some only stand beside others."""

import json
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.services import records
from dashboard.services import shared as services
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


def test_networks_to_compare_with_are_sides_but_read_no_scan(
    models_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes: dict[str, dict[str, object]] = {
        "meddef": {},
        "undefended": {},
        "meddef-pruned": {},
        "distilled": {"objective": {"kind": "distill"}},
        "ablated": {"model": {"variant": "without_daam"}},
    }
    for name, recipe in recipes.items():
        folder = shutil.copytree(models_root / "oct/meddef", tmp_path / "oct" / name)
        card = json.loads((folder / "card.json").read_text())
        (folder / "card.json").write_text(json.dumps(card | {"name": name, "training": {"recipe": recipe}}))
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path))
    names = [choice.id.removeprefix("oct/") for choice in services.models_to_read_with("oct")]
    assert names == ["meddef", "meddef-pruned", "undefended"]
    sides = [choice.id.removeprefix("oct/") for choice in services.comparable("oct")]
    assert sides[:5] == ["undefended", "meddef", "meddef-pruned", "ablated", "distilled"]
