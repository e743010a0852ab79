"""Tables come from the cards, and the README holds the one that the cards give."""

from pathlib import Path

import pytest

from meddef_core.errors import MedDefError
from meddef_core.evaluation.tables import BLOCK, model_table, write_block
from meddef_core.zoo import MODELS, list_models

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_shows_what_the_cards_say(tmp_path: Path) -> None:
    copy = tmp_path / "README.md"
    copy.write_text(README.read_text(encoding="utf-8"), encoding="utf-8")
    write_block(copy, model_table(list_models(MODELS)))
    same = copy.read_text(encoding="utf-8") == README.read_text(encoding="utf-8")
    assert same, "run `meddef tables --write README.md`"


def test_a_row_says_what_its_card_says() -> None:
    card = next(card for card in list_models(MODELS) if card.key == "oct/meddef")
    row = next(line for line in model_table([card]).splitlines() if card.key in line)
    clean = card.metrics["clean"]
    assert f" {100 * clean['balanced_accuracy']:.1f} (" in row and f"| {card.metrics['n']} |" in row


def test_only_the_block_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("before\n<!-- meddef tables: begin -->\nold\n<!-- meddef tables: end -->\nafter\n")
    write_block(path, "| new |")
    text = path.read_text()
    assert text == "before\n<!-- meddef tables: begin -->\n| new |\n<!-- meddef tables: end -->\nafter\n"
    assert BLOCK.search(text)


@pytest.mark.parametrize("content", ["no markers", "<!-- meddef tables: begin -->\n"])
def test_a_file_without_markers_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.md"
    path.write_text(content)
    with pytest.raises(MedDefError, match="markers"):
        write_block(path, "x")
    assert path.read_text() == content
    with pytest.raises(MedDefError, match="check the path"):
        write_block(tmp_path / "none.md", "x")
