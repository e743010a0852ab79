"""Which task a series or a scan is for, by its header alone: modality first, then body part and view."""

from collections.abc import Sequence

from meddef_core.pacs.found import Series
from meddef_core.prediction.header import header_contradictions
from meddef_core.scans import Scan
from meddef_core.tasks import Task
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel

_OF_ONE_PART = frozenset(("OPT", "OCT", "OP"))
"""Modalities that say the body part as well: no other part is taken with them."""

_RULES_OUT = frozenset(("modality", "body part", "view"))
"""Contradictions by which a scan is not for a task. From a scan of a patient of another age the model abstains."""


def models_for(series: Series, models: Sequence[LoadedModel]) -> tuple[LoadedModel, ...]:
    """The models whose task takes the modality of a series, before anything of it is fetched."""
    return tuple(model for model in models if series.modality in model.task.population.modalities)


def mismatch(scan: Scan, task: Task, *, unlabelled: bool) -> str | None:
    """Why a scan is not for a task, in one sentence; None where it is.

    The modality must be one of the task's, and so must the body part: a film without one is taken only where
    `unlabelled` says so. A view that is left out rules nothing out.
    """
    found = [one for one in header_contradictions(scan, task) if one.attribute in _RULES_OUT]
    if found:
        return found[0].sentence
    said = {scan.tags.get("Modality"), scan.tags.get("SOPClassUID")}
    if not said & set(task.population.modalities):
        return Text("pacs.files-header", "The file's header names no modality of this task.")
    parts = {scan.tags.get("BodyPartExamined"), scan.tags.get("AnatomicRegionSequence")}
    if unlabelled or said & _OF_ONE_PART or parts & set(task.population.body_parts):
        return None
    return Text("pacs.files-header-names", "The file's header names no body part.")
