"""The check of the catalogues: what it finds in code and in translations, and what an update keeps."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

from dashboard.catalogue import Translation

ROOT = Path(__file__).resolve().parents[2]

spec = importlib.util.spec_from_file_location("messages_tool", ROOT / "tools" / "messages.py")
assert spec is not None and spec.loader is not None
messages = sys.modules["messages_tool"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(messages)

RUN = Translation("lab.run", "Run {attack}", "运行 {attack}")
TITLE = Translation("data.meddef", "MedDef large", "大型 MedDef")
ENGLISH = {"lab.run": "Run {attack}"}
DATA = {"MedDef large"}


def said(code: str) -> "messages.Said":
    found = messages.Said()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            found.add(node, "page.py:1")
    return found


@pytest.mark.parametrize(
    "code",
    [
        'tr("lab.run", "Run {attack}", attack=title)',
        "f\"**{tr('lab.run', 'Run {attack}')}**\"",
        'Text("lab.run", "Run " "{attack}")',
    ],
)
def test_sentences_with_ids_are_found(code: str) -> None:
    assert said(code).english == ENGLISH and not said(code).problems


def test_what_is_given_as_a_value_needs_no_id() -> None:
    assert said("tr(option.title)").problems == [] and said("tr(option.title)").english == {}


@pytest.mark.parametrize(
    "code",
    [
        'tr("Run the attack")',
        'tr("Run the attack", n=3)',
        'tr(f"Run {attack}")',
        'tr("Lab Run", "Run")',
        'tr("run", "Run")',
        'tr("lab.run", english)',
        'Text("lab.run", f"Run {attack}")',
        "Text(id, english)",
    ],
)
def test_sentences_without_proper_ids_are_refused(code: str) -> None:
    assert len(said(code).problems) == 1


def test_an_id_says_one_thing() -> None:
    assert len(said('tr("lab.run", "Run"); tr("lab.run", "Go")').problems) == 1
    assert not said('tr("lab.run", "Run"); tr("lab.run", "Run"); tr("lab.go", "Run")').problems


def test_a_complete_catalogue_has_no_problem() -> None:
    assert list(messages.problems(ENGLISH, [RUN, TITLE], data=DATA)) == []


@pytest.mark.parametrize(
    ("english", "known", "data"),
    [
        (ENGLISH | {"lab.new": "New"}, [RUN], set()),
        ({}, [RUN], set()),
        ({"lab.run": "Start {attack}"}, [RUN], set()),
        (ENGLISH, [Translation(RUN.id, RUN.english, RUN.translation, fuzzy=True)], set()),
        (ENGLISH, [Translation(RUN.id, RUN.english, "")], set()),
        (ENGLISH, [Translation(RUN.id, RUN.english, "运行 {model}")], set()),
        (ENGLISH, [RUN, TITLE], {"MedDef small"}),
    ],
    ids=["missing", "unknown", "reworded", "fuzzy", "empty", "other places", "no longer in the data"],
)
def test_every_flaw_is_named(english: dict[str, str], known: list[Translation], data: set[str]) -> None:
    assert len(list(messages.problems(english, known, data=data))) == 1


def test_other_english_words_lose_no_translation() -> None:
    found = messages.updated({"lab.run": "Start {attack}", "lab.new": "New"}, [RUN, TITLE], data=DATA)
    assert found == [
        TITLE,
        Translation("lab.new", "New", ""),
        Translation("lab.run", "Start {attack}", RUN.translation, fuzzy=True),
    ]


def test_a_written_catalogue_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.catalogue.LOCALES", tmp_path)
    written = [RUN, TITLE, Translation("lab.quotes", 'a "quoted"\nline, 94%', "“引”", fuzzy=True)]
    messages.write("zh", written)
    assert list(messages.entries("zh")) == written
    first = (tmp_path / "zh" / "LC_MESSAGES" / "meddef.po").read_bytes()
    messages.write("zh", messages.entries("zh"))
    assert (tmp_path / "zh" / "LC_MESSAGES" / "meddef.po").read_bytes() == first
