"""What results are made of, and the UIDs that they get: the same ones whenever the same prediction is stored."""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from meddef_core import __version__
from meddef_core.pacs.found import Instance
from meddef_core.pacs.frames import PredictedFrame
from meddef_core.zoo import LoadedModel

_NAMESPACE = uuid.UUID("4b1c6a52-7d0f-5c3e-9a34-6f2f5d3c8e10")
"""Of MedDef's results alone; with another one, results that are stored would be stored again."""

NO_FINDING = "NORMAL"


def derived_uid(*parts: str) -> str:
    """A UID under 2.25 (PS3.5 B.2) from a name-based UUID of the parts: always the same for the same parts."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '|'.join(parts)).int}"


class SeriesUids(NamedTuple):
    """Names of the two series that all results of a study for one task and one model's weights are in."""

    report: str
    capture: str


class ResultUids(NamedTuple):
    """Names of the two objects that one source gets for one task and one model's weights."""

    report: str
    capture: str


def series_uids(study: str, *, weights: str, task: str) -> SeriesUids:
    """The series in the study of that UID."""
    return SeriesUids(*(derived_uid(study, weights, task, f"{kind} series") for kind in SeriesUids._fields))


def result_uids(instance: Instance, *, weights: str, task: str) -> ResultUids:
    """The results for an instance."""
    return ResultUids(*(derived_uid(instance.uid, weights, task, kind) for kind in ResultUids._fields))


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportSubject:
    """One source with its predictions: of its one picture, or of each frame."""

    instance: Instance
    identity: Mapping[str, Any]
    """Of its study, as `Pacs.identity` gives it."""
    model: LoadedModel
    slices: tuple[PredictedFrame, ...]
    created: datetime
    """Local time at which the result was begun: the same for a result that is made again after an interruption."""

    @property
    def weights(self) -> str:
        """sha256 of the weights."""
        return self.model.card.weights.sha256

    @property
    def uids(self) -> ResultUids:
        """The names of its results."""
        return result_uids(self.instance, weights=self.weights, task=self.model.task.key)

    @property
    def series(self) -> SeriesUids:
        """The names of the series that they are in."""
        return series_uids(self.instance.study, weights=self.weights, task=self.model.task.key)

    @property
    def software(self) -> str:
        """ "MedDef 0.1.0"."""
        return f"MedDef {__version__}"

    @property
    def abstained(self) -> bool:
        """Whether the model abstains from every picture."""
        return all(each.prediction.abstained is not None for each in self.slices)

    @property
    def shown(self) -> PredictedFrame:
        """The picture that stands for all: of those with an output the one with the highest probability of any finding.

        The middle one where the model abstains from all.
        """
        valid = [each for each in self.slices if each.prediction.abstained is None]
        if not valid:
            return self.slices[len(self.slices) // 2]
        none = self.model.task.index(NO_FINDING)
        return min(valid, key=lambda each: each.prediction.shares[none])

    @property
    def summary(self) -> str:
        """One sentence on a volume: frames by output; "" for a single picture."""
        if len(self.slices) == 1:
            return ""
        outputs = [each.prediction for each in self.slices]
        count = Counter("abstained" if each.abstained is not None else each.label for each in outputs)
        names = [name for name in (*self.model.task.classes, "abstained") if count[name]]
        return (
            f"{len(self.slices)} frames, each predicted by itself: "
            f"{', '.join(f'{name} in {count[name]}' for name in names)}. "
            "These are counts of frames, not a probability for the eye."
        )
