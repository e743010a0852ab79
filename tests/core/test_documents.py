"""Documents agree with the source: generated parts are current, links lead somewhere, one version is defined."""

import re
import sys
import tomllib
from graphlib import CycleError
from pathlib import Path

import pytest
import yaml
from cli_runs import Run

import meddef_core
from meddef_core.report.model_card import SECTIONS, model_readme
from meddef_core.zoo import MODELS, Card, list_models

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import documents  # noqa: E402
import import_graph  # noqa: E402
import log_index  # noqa: E402

CARDS = list_models(MODELS)
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)")


def test_generated_parts_are_current() -> None:
    assert [str(path.relative_to(ROOT)) for path in documents.stale()] == [], "run `make documents`"


def test_a_changed_source_makes_a_document_stale(tmp_path: Path) -> None:
    package = tmp_path / "meddef_core"
    for name, line in (("model", ""), ("zoo", "from meddef_core.model import x\n")):
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").write_text(line)
    assert import_graph.imports(tmp_path) == {"model": set(), "zoo": {"model"}}
    (package / "model" / "late.py").write_text("def f() -> None:\n    import meddef_core.zoo.card\n")
    with pytest.raises(CycleError):
        import_graph.reduced(import_graph.imports(tmp_path))


def test_imports_for_type_checking_alone_do_not_count(tmp_path: Path) -> None:
    for name in ("model", "zoo"):
        (tmp_path / "meddef_core" / name).mkdir(parents=True)
    (tmp_path / "meddef_core" / "zoo" / "a.py").write_text("")
    lines = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from meddef_core.zoo import a\n"
    (tmp_path / "meddef_core" / "model" / "b.py").write_text(lines)
    assert import_graph.imports(tmp_path) == {"model": set(), "zoo": set()}


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    assert import_graph.reduced({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_an_entry_without_a_verdict_is_refused(tmp_path: Path) -> None:
    (tmp_path / "topic.md").write_text("# Lab log\n\n## Tried (kept, one seed)\n\n- **Date:** 2026-11-22.\n")
    assert log_index.entries(tmp_path)["kept"] == [
        "- 2026-11-22, topic: [Tried](topic.md#tried-kept-one-seed) (one seed)"
    ]
    (tmp_path / "other.md").write_text("# Lab log\n\n## Tried again\n\n- **Date:** 2026-11-22.\n")
    with pytest.raises(ValueError, match=r"other\.md.*verdict"):
        log_index.entries(tmp_path)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target, heading in LINK.findall(path.read_text(encoding="utf-8")):
        found = path.parent / target
        assert found.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in map(log_index.anchor, headings), heading


def test_contributing_stays_short() -> None:
    assert (ROOT / "CONTRIBUTING.md").stat().st_size < 6 * 1024


def test_every_decision_has_its_four_sections() -> None:
    for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"):
        titles = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert titles == ["Context", "Decision", "Consequences", "What would change our mind"], path.name


def test_every_command_is_in_the_readme() -> None:
    from meddef_core.cli.entry import app

    names = {each.name or each.callback.__name__.replace("_", "-") for each in app.registered_commands if each.callback}
    names |= {str(each.name) for each in app.registered_groups}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert sorted(name for name in names if f"meddef {name}" not in text) == []


def test_the_version_is_defined_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"] and "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "meddef_core.__version__"}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == meddef_core.__version__
    assert citation["license"] == project["project"]["license"]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.key)
def test_a_model_card_has_the_sections_and_figures_of_its_card(card: Card) -> None:
    text = (MODELS / card.task / card.name / "README.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == SECTIONS
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["license"] == "apache-2.0" and front["library_name"] == "meddef"
    assert card.weights.sha256 in text and card.data["lists"]["test"]["sha256"] in text
    assert f"| clean | {100 * card.metrics['clean']['balanced_accuracy']:.1f}% |" in text


def test_figures_of_another_hospital_need_the_same_weights() -> None:
    card = next(card for card in CARDS if card.key == "oct/meddef")
    folder = MODELS / "oct" / "meddef"
    assert "Noor" in model_readme(card, folder)
    other = card.model_copy(update={"weights": card.weights.model_copy(update={"sha256": "0" * 64})})
    assert "Not evaluated on scans of another hospital" in model_readme(other, folder)


def test_the_command_prints_the_model_card(run: Run, models: Path) -> None:
    card = list_models(models)[0]
    done = run("card", "--task", card.task, "--model", card.name, "--markdown")
    assert done.code == 0 and done.out.rstrip() == model_readme(card, models / card.task / card.name).rstrip()
