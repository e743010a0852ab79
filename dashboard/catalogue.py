"""Translations: `assets/locale/<language>/LC_MESSAGES/meddef.po`, read at the first sentence; nothing is compiled.

Every entry has the id of a sentence as its context, the English wording as its msgid and the translation. Sentences are
looked up by id, so other English words lose no translation; `tools/messages.py` says which are to be looked at again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

from dashboard.services.places import assets
from dashboard.services.words import Text, plain

LOCALES = assets("locale")


@dataclass(frozen=True)
class Catalogue:
    """The translations into one language; none for English."""

    by_id: Mapping[str, str]
    by_wording: Mapping[str, str]
    """English wording to translation: for model cards and records, which hold English and no ids."""

    def find(self, text: str) -> str | None:
        """The translation of a sentence, its places open; None where there is none."""
        if isinstance(text, Text) and text.id in self.by_id:
            return self.by_id[text.id]
        return self.by_wording.get(text)


@dataclass(frozen=True)
class Translation:
    """One entry of a catalogue's file."""

    id: str
    english: str
    translation: str
    fuzzy: bool = False
    """The English was changed since; somebody has to look."""


@cache
def catalogue(language: str) -> Catalogue:
    """What is known in that language; empty for English itself."""
    found = [entry for entry in entries(language) if entry.translation]
    by_wording = {entry.english: entry.translation for entry in reversed(found)}
    return Catalogue(by_id={entry.id: entry.translation for entry in found}, by_wording=by_wording)


def entries(language: str) -> Iterator[Translation]:
    """All entries of a language's file, in its order; none for English, which has no file."""
    if not path_of(language).is_file():
        return
    with path_of(language).open("rb") as file:
        for message in read_po(file, locale=language):
            if message.id:
                yield Translation(str(message.context), str(message.id), str(message.string), message.fuzzy)


def path_of(language: str) -> Path:
    """The file of a language, as gettext's tools expect it."""
    return LOCALES / language / "LC_MESSAGES" / "meddef.po"


def say(text: str, english: str | None, /, *, language: str, values: Mapping[str, object]) -> str:
    """A sentence in a language, its places filled; English where the catalogue lacks it.

    `text` is the id of the `english` beside it, or a sentence alone. A sentence's own values fill the translation, and
    `values` what it left open. Texts among them are translated, too.
    """
    sentence = text if english is None else Text(text, english)
    known = catalogue(language).find(sentence)
    own = sentence.values if known is not None and isinstance(sentence, Text) else {}
    filled = {
        name: say(value, None, language=language, values={}) if isinstance(value, Text) else value
        for name, value in {**own, **values}.items()
    }
    words = plain(sentence) if known is None else known
    return words.format(**filled) if filled else words
