"""Every reason for which a model abstains, in the order in which they are asked: the first that holds is given."""

from collections.abc import Callable
from dataclasses import dataclass

from meddef_core.prediction.abstention import Abstention, Familiarity, abstention_of
from meddef_core.prediction.header import header_abstention
from meddef_core.prediction.image_checks import image_abstention
from meddef_core.scans import Scan
from meddef_core.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of an image: its `scan`, None for an image without one; its `familiarity`, None without a fit."""

    task: Task
    scan: Scan | None
    familiarity: Familiarity | None


def _header(evidence: Evidence) -> Abstention | None:
    return None if evidence.scan is None else header_abstention(evidence.scan, evidence.task)


def _image(evidence: Evidence) -> Abstention | None:
    return None if evidence.scan is None else image_abstention(evidence.scan, evidence.task)


def _familiarity(evidence: Evidence) -> Abstention | None:
    return abstention_of(evidence.familiarity, modality=evidence.task.modality)


CHECKS: tuple[Callable[[Evidence], Abstention | None], ...] = (_header, _image, _familiarity)
"""The surest first: what a file says of itself, then what its image looks like."""


def abstention(evidence: Evidence) -> Abstention | None:
    """The first abstention that a check of `CHECKS` finds; None where the model may predict."""
    return next((found for check in CHECKS if (found := check(evidence)) is not None), None)
