"""The pictures of a challenge on the projector: the scan, and for the filters the fixed attack on it."""

from typing import Any

from dashboard.classroom import challenge, trials
from dashboard.classroom.database import Database
from dashboard.classroom.errors import NotHere
from dashboard.classroom.tables import Challenge
from dashboard.classroom.words import Translator, output_words, translator
from dashboard.services.classroom import png
from dashboard.services.results.common import Reading
from dashboard.services.words import Text


def listed(challenge_id: int, database: Database, language: str) -> list[dict[str, Any]]:
    """Address and caption of each; a challenge whose scan cannot be predicted has none."""
    given, tr = challenge.challenge(database, challenge_id), translator(language)
    names = (tr("teach.scan", "The scan"), tr("classroom.same-scan", "The same scan, attacked"))
    return [
        {"src": f"/class/teach/trial/{given.id}/{place}", "caption": f"{name}. {_said(reading, tr)}"}
        for place, (name, reading) in enumerate(zip(names, _readings(given), strict=False))
    ]


def png_of(given: Challenge, place: int) -> bytes:
    """One of them as a file; NotHere for a place that it does not have."""
    readings = _readings(given)
    if place >= len(readings):
        raise NotHere(Text("classroom.there-no-such-picture-2", "There is no such picture."))
    return png(readings[place].picture)


def _readings(given: Challenge) -> tuple[Reading, ...]:
    clean = trials.clean_of(given.model, given.sample)
    if given.kind == "smallest":
        return (clean,)
    return clean, trials.fixed(given.model, given.sample).attacked.reading


def _said(reading: Reading, tr: Translator) -> str:
    task = reading.model.id.partition("/")[0]
    return f"{tr(reading.model.title)}: {output_words(tr, task, reading)}"
