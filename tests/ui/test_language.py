"""The catalogue of sentences: whatever a page says has Chinese words, with the same places to fill."""

import ast
import string
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from app_driving import speak_chinese, text_of
from streamlit.testing.v1 import AppTest

from dashboard.catalogue import LOCALES, catalogue
from meddef_core.prediction.image_checks import SENTENCES
from meddef_core.records import AblationRecord, BaselineRecord, read_file
from meddef_core.records.documents import RESULTS
from meddef_core.scans.colour import NOTES
from meddef_core.studies.ablation_sentences import VERDICTS
from meddef_core.studies.paper import OTHER_ROWS, PAPER_MODELS
from meddef_core.zoo import MODELS, list_models

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "dashboard").rglob("*.py"), ROOT / "streamlit_app.py"])


def sentences(path: Path) -> set[str]:
    """Every literal given to `tr`."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "tr" and call.args]
    return {
        call.args[0].value
        for call in named
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_sentence_has_chinese_words(path: Path) -> None:
    missing = sorted(sentences(path) - set(catalogue("zh").by_wording))
    assert not missing


def test_every_shipped_model_has_a_chinese_title_and_summary() -> None:
    said = {words for card in list_models(MODELS) for words in (card.title, card.summary)}
    assert not sorted(said - set(catalogue("zh").by_wording))


def test_whatever_a_record_names_has_a_chinese_title() -> None:
    kinds = {"baselines": BaselineRecord, "ablation": AblationRecord}
    records = [read_file(kind, path) for study, kind in kinds.items() for path in (RESULTS / study).glob("*.json")]
    titles = {row.title for record in records for row in record.numbers.rows}
    assert len(titles) > len(PAPER_MODELS)
    assert not sorted((titles | set((PAPER_MODELS | OTHER_ROWS).values())) - set(catalogue("zh").by_wording))


def test_the_verdict_on_an_ablation_has_chinese_words() -> None:
    assert not sorted(set(VERDICTS) - set(catalogue("zh").by_wording))


def test_what_a_picture_tells_against_itself_has_chinese_words() -> None:
    assert not sorted({*SENTENCES.values(), *NOTES.values()} - set(catalogue("zh").by_wording))


def test_translations_keep_the_places_to_fill() -> None:
    for english, chinese in catalogue("zh").by_wording.items():
        assert chinese.strip(), english
        assert places(chinese) == places(english), english


def test_no_sentence_is_translated_twice_differently() -> None:
    seen: dict[str, str] = {}
    for path in sorted((LOCALES / "zh").glob("*.yaml")):
        for english, chinese in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
            assert seen.setdefault(english, chinese) == chinese, f"{path.name}: {english}"


def test_a_reader_can_switch_the_language(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_chinese(app, monkeypatch)
    assert not app.exception
    app.segmented_control(key="lang").set_value("en").run()
    assert not app.exception


def test_an_address_names_the_language_by_its_code(start: Callable[..., AppTest]) -> None:
    app = start(lang="zh")
    assert not app.exception and app.segmented_control(key="lang").value == "zh"
    assert catalogue("zh").by_wording["Diagnose"] in text_of(app)
    assert app.query_params["lang"] in ("zh", ["zh"])


def test_an_address_follows_the_picker(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "lang" not in app.query_params
    speak_chinese(app, monkeypatch)
    assert app.query_params["lang"] in ("zh", ["zh"])


def test_an_address_in_an_unknown_language_is_english(start: Callable[..., AppTest]) -> None:
    app = start(lang="xx")
    assert not app.exception and app.segmented_control(key="lang").value == "en"
    assert "lang" not in app.query_params
