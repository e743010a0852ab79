"""Sentences of the classroom in a room's language: its pages run in no Streamlit session, which would know one."""

from typing import Protocol

from dashboard.catalogue import say
from dashboard.services.results.common import Reading
from dashboard.services.tasks import Task, get_task
from dashboard.services.words import percent


class Translator(Protocol):
    """Like `dashboard.language.tr`, for one language."""

    def __call__(self, text: str, english: str | None = None, /, **values: object) -> str:
        """The sentence in the language, its places filled."""


def translator(language: str) -> Translator:
    """What speaks that language; English where a sentence is missing."""

    def tr(text: str, english: str | None = None, /, **values: object) -> str:
        return say(text, english, language=language, values=values)

    return tr


def class_words(tr: Translator, task: str, label: str) -> str:
    """ "Choroidal neovascularisation (CNV)", as every page names a class."""
    known: Task = get_task(task)
    words = tr(known.words[label])
    words = words[0].upper() + words[1:]
    return f"{words} ({label})" if len(label) <= 3 else words


def output_words(tr: Translator, task: str, reading: Reading) -> str:
    """A class with its probability; without one where the model abstains, as from a scan that a teacher brought."""
    label = class_words(tr, task, reading.label)
    if reading.abstained is not None:
        return tr("attention.output-not", "{output}, not valid: the model abstains", output=label)
    return f"{label}, {percent(reading.probability)}"
