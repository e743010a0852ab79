"""What an error says is asserted by its id: its words may be better ones tomorrow."""

from typing import TypeVar

import pytest

from meddef_core.text import Text

E = TypeVar("E", bound=Exception)


def refused_as(kind: type[E], id: str) -> "pytest.RaisesExc[E]":
    """`pytest.raises` for an error of this kind whose sentence has the id."""

    def says(error: E) -> bool:
        sentence = error.args[0] if error.args else None
        return isinstance(sentence, Text) and sentence.id == id

    return pytest.raises(kind, check=says)
