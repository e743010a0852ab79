"""The catalogue: whatever a page says has Chinese words, found by id; a language stays in its own session."""

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from app_driving import speak_chinese, text_of
from streamlit.testing.v1 import AppTest

from dashboard.catalogue import LOCALES, Catalogue, catalogue, say
from dashboard.navigation import pages
from meddef_core.attacks import ATTACKS
from meddef_core.errors import ScanError
from meddef_core.explanation import EXPLAINERS
from meddef_core.prediction.image_checks import SENTENCES
from meddef_core.records import AblationRecord, BaselineRecord, read_file
from meddef_core.records.documents import RESULTS
from meddef_core.scans.colour import NOTES
from meddef_core.studies.ablation_sentences import VERDICTS
from meddef_core.studies.paper import OTHER_ROWS, PAPER_MODELS
from meddef_core.tasks import TASKS
from meddef_core.text import Text
from meddef_core.zoo import MODELS, list_models

ROOT = Path(__file__).resolve().parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ZH = catalogue("zh")


@pytest.fixture(scope="module")
def messages() -> ModuleType:
    """tools/messages.py, which is no package."""
    spec = importlib.util.spec_from_file_location("messages_tool", ROOT / "tools" / "messages.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["messages_tool"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- completeness ------------------------------------------------------------------------------------------------


def test_code_and_catalogues_agree(messages: ModuleType) -> None:
    said, data = messages.said_in_code(messages.sources()), messages.said_in_data()
    assert len(said.english) > 1000 and said.problems == []
    for language in (path.name for path in LOCALES.iterdir()):
        assert list(messages.problems(said.english, list(messages.entries(language)), data=data)) == []


def test_every_shipped_model_has_a_chinese_title_and_summary() -> None:
    said = {words for card in list_models(MODELS) for words in (card.title, card.summary)}
    assert said and not [words for words in said if ZH.find(words) is None]


def test_whatever_a_record_names_has_a_chinese_title() -> None:
    kinds = {"baselines": BaselineRecord, "ablation": AblationRecord}
    records = [read_file(kind, path) for study, kind in kinds.items() for path in (RESULTS / study).glob("*.json")]
    titles = {row.title for record in records for row in record.numbers.rows}
    assert len(titles) > len(PAPER_MODELS)
    assert not [title for title in titles if ZH.find(title) is None]


def registered() -> Iterator[str]:
    """What registries and tables of the core say."""
    for attack in ATTACKS.values():
        yield from (attack.title, attack.one_line)
    for explainer in EXPLAINERS.values():
        yield from (explainer.info.title, explainer.info.meaning)
    for task in TASKS.values():
        yield from (task.title, task.modality, task.population.sentence, *task.words.values())
    for table in (PAPER_MODELS, OTHER_ROWS, SENTENCES, NOTES):
        yield from table.values()
    yield from (page.title for page in pages())
    yield from VERDICTS


def test_what_the_code_says_is_found_by_its_id_alone() -> None:
    by_id = Catalogue(by_id=ZH.by_id, by_wording={})
    assert not [words for words in registered() if by_id.find(words) is None]


# ---- sentences ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of two sentences for every language but English."""
    known = Catalogue(
        by_id={"scan.large": "文件有 {mb} MB：{why}", "scan.why": "太大"}, by_wording={"MedDef large": "大型 MedDef"}
    )
    monkeypatch.setattr(
        "dashboard.catalogue.catalogue", lambda language: known if language == "zh" else Catalogue({}, {})
    )


@pytest.mark.usefixtures("small")
def test_an_id_is_found_whatever_the_english_words() -> None:
    for english in ("The file has {mb} MB: {why}", "{why}, {mb} MB"):
        assert say("scan.large", english, language="zh", values={"mb": 3, "why": "x"}) == "文件有 3 MB：x"


@pytest.mark.usefixtures("small")
def test_an_error_is_translated_with_its_values() -> None:
    error = ScanError(Text("scan.large", "The file has {mb} MB: {why}", mb=3, why=Text("scan.why", "too large")))
    assert say(str(error), None, language="zh", values={}) == "文件有 3 MB：太大"
    assert say(str(error), None, language="en", values={}) == str(error) == "The file has 3 MB: too large"


@pytest.mark.usefixtures("small")
def test_what_stands_in_data_is_found_by_its_wording() -> None:
    assert say("MedDef large", None, language="zh", values={}) == "大型 MedDef"
    assert say("MedDef tiny", None, language="zh", values={}) == "MedDef tiny"


@pytest.mark.usefixtures("small")
def test_braces_in_a_filled_sentence_are_left_alone() -> None:
    error = ScanError(Text("scan.other", "The file {name} is empty", name="{evil}"))
    for language in ("zh", "en"):
        assert say(str(error), None, language=language, values={}) == "The file {evil} is empty"


# ---- sessions ----------------------------------------------------------------------------------------------------


def test_a_reader_can_switch_the_language(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_chinese(app, monkeypatch)
    assert not app.exception
    app.segmented_control(key="lang").set_value("en").run()
    assert not app.exception


def test_the_history_speaks_the_language_of_who_reads_it(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_chinese(app, monkeypatch)
    assert app.session_state["history"], "the page made an entry in Chinese"
    monkeypatch.undo()
    app.segmented_control(key="lang").set_value("en").run()
    assert not app.exception and "History of this session" in str(app.sidebar.expander)
    assert not CHINESE.findall(text_of(app))


def test_an_address_names_the_language_by_its_code(start: Callable[..., AppTest]) -> None:
    app = start(lang="zh")
    assert not app.exception and app.segmented_control(key="lang").value == "zh"
    assert str(ZH.find("Diagnose")) in text_of(app)
    assert app.query_params["lang"] in ("zh", ["zh"])


def test_an_address_follows_the_picker(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "lang" not in app.query_params
    speak_chinese(app, monkeypatch)
    assert app.query_params["lang"] in ("zh", ["zh"])


def test_an_address_in_an_unknown_language_is_english(start: Callable[..., AppTest]) -> None:
    app = start(lang="xx")
    assert not app.exception and app.segmented_control(key="lang").value == "en"
    assert "lang" not in app.query_params
