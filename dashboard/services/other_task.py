"""Which task a scan belongs to, where the one in view is wrong: by its header first, then by its image."""

from dashboard.services.models import tasks
from dashboard.services.reading import fits_better
from meddef_core.prediction.header import header_contradictions
from meddef_core.scans import Scan

KIND = ("modality", "body part")
"""Attributes that say what kind of scan it is; view and age differ within one kind."""


def better_task(task: str, fingerprint: str, scan: Scan) -> str | None:
    """Key of the task that suits a scan better than `task`; None where none is known to. Call inside `turn`.

    `fingerprint` identifies the scan's pixels.
    """
    return _by_header(task, scan) or fits_better(task, fingerprint, scan)


def _by_header(task: str, scan: Scan) -> str | None:
    """The one task whose kind of scan the header names, where it rules out the kind of `task`."""
    if not _ruled_out(task, scan):
        return None
    left = [key for key in tasks() if key != task and not _ruled_out(key, scan)]
    return left[0] if len(left) == 1 else None


def _ruled_out(task: str, scan: Scan) -> bool:
    return any(found.attribute in KIND for found in header_contradictions(scan, tasks()[task]))
