"""What a file's header says against a scan: another modality, body part, view or age than a task's models learned.

Only values of the standard are compared (`scans.deidentify`, `scans.origin`), and only with one another: what a header
leaves out, or says in free words, contradicts nothing.
"""

from functools import reduce
from typing import NamedTuple

from meddef_core.prediction.abstention import Abstention
from meddef_core.scans import Scan
from meddef_core.tasks import Task
from meddef_core.text import Text
from meddef_core.words import listed

_MODALITY = ("Modality", "SOPClassUID")
_BODY_PART = ("BodyPartExamined", "AnatomicRegionSequence")
_VIEW = ("ViewPosition", "ViewCodeSequence")
"""Attributes that say the same thing, by their keywords in `Scan.tags`."""

_NOTHING_SAID = frozenset(("OT", "SC"))
"""Modalities that say only that no modality is named: other, and secondary capture."""


class Contradiction(NamedTuple):
    """One `attribute` ("modality", "body part", "view" or "age") that rules a task out, and the sentence on it."""

    attribute: str
    sentence: str


def header_contradictions(scan: Scan, task: Task) -> tuple[Contradiction, ...]:
    """Everything in the scan's header that the task's population rules out, one entry an attribute."""
    population = task.population
    found = (
        _of_terms(
            Text("prediction.modality", "modality"), _said(scan, _MODALITY) - _NOTHING_SAID, population.modalities
        ),
        _of_terms(Text("prediction.body-part", "body part"), _said(scan, _BODY_PART), population.body_parts),
        _of_terms(Text("prediction.view", "view"), _said(scan, _VIEW), population.views),
        _of_age(scan, population.age_groups),
    )
    return tuple(one for one in found if one is not None)


def header_abstention(scan: Scan, task: Task) -> Abstention | None:
    """The abstention where the header contradicts the task; None where it does not."""
    found = header_contradictions(scan, task)
    if not found:
        return None
    return Abstention(
        looks_like="",
        differs=tuple(one.attribute for one in found),
        sentence=reduce(_both, (one.sentence for one in found)),
        reason="header",
    )


def _said(scan: Scan, keywords: tuple[str, ...]) -> set[str]:
    return {scan.tags[keyword] for keyword in keywords if keyword in scan.tags}


def _of_terms(attribute: str, said: set[str], accepted: tuple[str, ...]) -> Contradiction | None:
    wrong = sorted(said.difference(accepted))
    if not wrong:
        return None
    if accepted:
        meant = _named(attribute, listed(accepted, "or"))
    else:
        meant = Text("prediction.scans-without", "scans without a {attribute}", attribute=attribute)
    sentence = Text(
        "prediction.header-says",
        "The file's header says {header}; this model is for {meant}.",
        header=_named(attribute, listed(wrong)),
        meant=meant,
    )
    return Contradiction(attribute, sentence)


def _named(attribute: str, terms: str) -> Text:
    return Text("prediction.attribute-terms", "{attribute} {terms}", attribute=attribute, terms=terms)


def _both(first: str, second: str) -> str:
    return Text("prediction.two-sentences", "{first} {second}", first=first, second=second)


def _of_age(scan: Scan, accepted: tuple[str, ...]) -> Contradiction | None:
    """Does not say which group the patient is in: the sentence goes into records."""
    if scan.age_group is None or scan.age_group in accepted:
        return None
    group = listed(accepted, "or")
    sentence = Text(
        "prediction.header-age",
        "The patient's age in the file's header is outside the training population ({group}).",
        group=group,
    )
    return Contradiction("age", sentence)
