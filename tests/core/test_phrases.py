"""The lint of words: what it finds, what it leaves alone, and that what users read passes it."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

spec = importlib.util.spec_from_file_location("phrases_tool", ROOT / "tools" / "phrases.py")
assert spec is not None and spec.loader is not None
phrases = sys.modules["phrases_tool"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(phrases)


@pytest.mark.parametrize(
    "text",
    [
        "Its twin falls.",
        "The Budget is 4/255.",
        "No difference that chance does not explain.",
        "94.4 % are right.",
        "Phantoms read right: 3.",
        "MedDef, 112 x 112 inside.",
    ],
)
def test_a_phrase_is_found_with_what_to_say(text: str) -> None:
    (line,) = phrases.found_in(phrases.Passage("a.b", text))
    assert line.startswith("a.b: ") and "; say " in line


@pytest.mark.parametrize("text", ["A planet of its own.", "94.4% are right.", "It stands alone."])
def test_other_words_are_left_alone(text: str) -> None:
    assert list(phrases.found_in(phrases.Passage("a.b", text))) == []


def test_sentences_are_counted_by_their_words() -> None:
    text = "One two three. Four five?\n\n- Six\n- seven 8.5% nine"
    assert [phrases.words(each) for each in phrases.sentences(text)] == [3, 2, 1, 3]
    assert phrases.words(" ".join(["word"] * 26)) > phrases.LONGEST


def test_code_and_tables_are_no_prose() -> None:
    told = phrases.prose("Text.\n\n```sh\nthe budget\n```\n\n| the twin |\n\nMore `climb` text.")
    assert "Text." in told and "More" in told
    assert not any(word in told for word in ("budget", "twin", "climb"))


def test_what_users_read_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert phrases.main([]) == 0, capsys.readouterr().out
