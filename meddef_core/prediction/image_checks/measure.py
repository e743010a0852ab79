"""How often the image checks flag scans as they are, and how often they find a fault that was made on purpose."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from meddef_core.evaluation.metrics import counted_share
from meddef_core.prediction.image_checks.check import find_fault
from meddef_core.prediction.image_checks.composite import page_score
from meddef_core.prediction.image_checks.files import ImageChecks
from meddef_core.prediction.image_checks.fit import page_pictures
from meddef_core.prediction.image_checks.upright import COPIES, laid
from meddef_core.scans.scan import Pixels
from meddef_core.tasks import Task

PAGES = 120
"""Pages drawn around the scans of each source."""

COPIED = 100
"""Scans of each source, spread over it, that are turned, flipped and inverted."""


def measure(checks: ImageChecks, scans: Sequence[Pixels], task: Task, *, seed: int = 1) -> dict[str, Any]:
    """Counts on one source of upright scans `(H, W)`.

    `flagged` are scans as they are, by the fault named; `missed` the turned, flipped and inverted copies and the drawn
    pages without any finding, by what was done to them.
    """
    named = [find_fault(scan, task, checks=checks) for scan in scans]
    found = [fault for fault in named if fault is not None]
    some = [scans[int(i)] for i in np.linspace(0, len(scans) - 1, min(COPIED, len(scans)))]
    missed = {kind: _missed(checks, [laid(scan, kind) for scan in some], task) for kind in COPIES[1:]}
    pages = [picture for picture, layout in page_pictures({task.key: scans}, 2 * PAGES, seed=seed) if layout]
    return {
        "flagged": counted_share(len(found), len(scans)),
        "flagged_as": dict(sorted(Counter(found).items())),
        "missed": missed | {"composite page": _missed(checks, pages, task)},
    }


def page_scores(checks: ImageChecks, scans: Sequence[Pixels]) -> np.ndarray:
    """`(n,)`: the score of a page for each scan."""
    return np.array([page_score(checks.page, scan) for scan in scans])


def _missed(checks: ImageChecks, pictures: Sequence[Pixels], task: Task) -> dict[str, Any]:
    faults = [find_fault(picture, task, checks=checks) for picture in pictures]
    return counted_share(faults.count(None), len(faults))
