"""What a file's header says against a scan: another modality, body part, view or age than a task's models learned.

Only values of the standard are compared (`scans.deidentify`, `scans.origin`), and only with one another: what a header
leaves out, or says in free words, contradicts nothing.
"""

from typing import NamedTuple

from meddef_core.prediction.abstention import Abstention
from meddef_core.scans import Scan
from meddef_core.tasks import Task
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
        _of_terms("modality", _said(scan, _MODALITY) - _NOTHING_SAID, population.modalities),
        _of_terms("body part", _said(scan, _BODY_PART), population.body_parts),
        _of_terms("view", _said(scan, _VIEW), population.views),
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
        sentence=" ".join(one.sentence for one in found),
        reason="header",
    )


def _said(scan: Scan, keywords: tuple[str, ...]) -> set[str]:
    return {scan.tags[keyword] for keyword in keywords if keyword in scan.tags}


def _of_terms(attribute: str, said: set[str], accepted: tuple[str, ...]) -> Contradiction | None:
    wrong = sorted(said.difference(accepted))
    if not wrong:
        return None
    header = f"{attribute} {listed(wrong)}"
    meant = f"{attribute} {listed(accepted, 'or')}" if accepted else f"scans without a {attribute}"
    return Contradiction(attribute, f"The file's header says {header}; this model is for {meant}.")


def _of_age(scan: Scan, accepted: tuple[str, ...]) -> Contradiction | None:
    """Does not say which group the patient is in: the sentence goes into records."""
    if scan.age_group is None or scan.age_group in accepted:
        return None
    group = listed(accepted, "or")
    return Contradiction("age", f"The patient's age in the file's header is outside the training population ({group}).")
