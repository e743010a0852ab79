"""Sentences that know what they are: English to whoever prints them, an id and values to whoever translates them.

A `Text` is a `str`, so the command line, records and logs use it as the English sentence. The dashboard looks its id up
in a catalogue and fills the translation with the same values, also when the sentence reached it as `str(error)`.
"""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, TypeAlias

Value: TypeAlias = str | int | float
"""What fills a place. A `Text` is a `str`, and is translated by itself."""


class Text(str):
    """An English sentence with the stable id of its translations.

    `Text("scan.too-large", "The file has {mb:.1f} MB.", mb=12.5)` reads "The file has 12.5 MB." Without values, places
    stay as they are: whoever translates the text fills them. Values other than numbers and text are kept as text.
    """

    __slots__ = ("id", "values")

    id: str
    """Page or package, a dot, and a few words: small letters, digits, hyphens."""

    values: Mapping[str, Value]

    def __new__(cls, id: str, english: str, /, **values: object) -> "Text":
        filled = {name: _value(given) for name, given in values.items()}
        return cls._made(id, english.format(**values) if values else english, filled)

    @classmethod
    def _made(cls, id: str, sentence: str, values: Mapping[str, Value]) -> "Text":
        text = super().__new__(cls, sentence)
        text.id, text.values = id, values
        return text

    def __str__(self) -> str:
        """Itself, with its id: `str(error)` is the text that the error was raised with."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Text._made, (self.id, plain(self), dict(self.values))


def _value(given: object) -> Value:
    if isinstance(given, (str, int, float)):
        return given
    if isinstance(given, Real):  # a number of NumPy
        return int(given) if isinstance(given, Integral) else float(given)
    return str(given)


def plain(sentence: str) -> str:
    """The English sentence alone, without id and values."""
    return str.__str__(sentence)


def packed(sentence: str) -> Any:
    """A sentence as JSON holds it: a string, or for a `Text` its parts."""
    if not isinstance(sentence, Text):
        return sentence
    values = {name: packed(value) if isinstance(value, str) else value for name, value in sentence.values.items()}
    return {"id": sentence.id, "english": plain(sentence), "values": values}


def unpacked(document: object) -> str:
    """The sentence that `packed` took apart; nothing is filled here. Raises ValueError for anything else."""
    match document:
        case str():
            return document
        case {"id": str(id), "english": str(english), "values": dict(values)}:
            filled = {name: each if isinstance(each, (int, float)) else unpacked(each) for name, each in values.items()}
            return Text._made(id, english, filled)
        case _:
            raise ValueError("this is no packed sentence")
