"""Thresholds of abstention chosen by conformal risk control, and what they are worth on scans they were not chosen on.

The share of scans that are accepted and wrong is controlled in every source separately: the development half of
another hospital, where the data folder holds it, scans of the other task, and pictures that are no scan at all. What a
card reports of the other hospital is out of fold: every scan is judged by thresholds chosen without its patient or
block of neighbours. The guarantee holds for scans like those of the sources, not for every hospital.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from meddef_core.data.external import DevelopmentSet, development_set, external_lists
from meddef_core.data.images import load_images
from meddef_core.evaluation.metrics import wilson
from meddef_core.model import MedDef
from meddef_core.predict.abstention import LEAST_BEYOND, Detector
from meddef_core.predict.gaussian import Array
from meddef_core.predict.outliers import Outlier
from meddef_core.predict.risk_control import Source, accepted_out_of_fold, smallest_threshold
from meddef_core.predict.statistics import BATCH, describe
from meddef_core.zoo import LoadedModel

ALPHA: Mapping[str, float] = {"oct": 0.03, "chest": 0.05}
"""Largest share of wrong and accepted scans in every source, by task.

For OCT a smaller one costs hardly a scan of the model's own kind, and a healthy retina given a finding counts most.
"""

REMARK_ALPHA = 0.02
"""Largest share of them that is accepted without a remark."""

FOLDS = 5

EVERYTHING = LEAST_BEYOND - 1.0
"""A threshold that every score exceeds: the model abstains always."""


@dataclass(frozen=True, eq=False)
class OtherHospital:
    """A development set as one model sees it: statistics by name, outputs, and the truth."""

    about: DevelopmentSet
    statistics: Mapping[str, Array]
    outputs: NDArray[np.str_]
    """`(n,)` predicted class names."""
    labels: NDArray[np.str_]
    groups: NDArray[np.str_]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which outputs would be errors if they were accepted."""
        return np.array([self.about.is_wrong(*pair) for pair in zip(self.labels, self.outputs, strict=True)])


def other_hospital(model: LoadedModel, network: MedDef, data_dir: Path) -> OtherHospital | None:
    """The development set of a model's task through its preprocessing; None where the data folder holds none."""
    about = development_set(model.task, data_dir)
    if about is None:
        return None
    lists = external_lists(model.task, data_dir, about.folder)
    images = load_images(lists, "test", preprocessing=model.preprocessing, data_dir=data_dir)
    x, labels = images.batch(slice(0, len(images)))
    with torch.inference_mode():
        outputs = torch.cat([network(batch) for batch in x.split(BATCH)]).argmax(dim=1)
    names = np.array(model.task.classes)
    groups = np.array([item.patient for item in images.items])
    return OtherHospital(about, describe(network, x), names[outputs.numpy()], names[labels.numpy()], groups)


def sources(
    detector: Detector, *, outliers: Sequence[Outlier], found: Mapping[str, Array], hospital: OtherHospital | None
) -> dict[str, Source]:
    """What the thresholds are chosen on; `found` are the statistics of `outliers`, in their order."""
    scores = detector.scores(found)
    of_task = np.array([one.kind == "other task" for one in outliers])
    origins = np.array([one.source for one in outliers])
    chosen: dict[str, Source] = {}
    for name, these in (("other task", of_task), ("other pictures", ~of_task)):
        if these.any():
            chosen[name] = Source(name, scores[these], np.ones(int(these.sum()), dtype=bool), origins[these])
    if hospital is not None:
        own = detector.scores(hospital.statistics)
        chosen[hospital.about.key] = Source(hospital.about.key, own, hospital.wrong, hospital.groups)
    return chosen


def controlled(detector: Detector, chosen: Mapping[str, Source], *, alpha: float) -> Detector:
    """The detector with thresholds low enough for every source; they are never raised."""
    refused = min(detector.refused_above, smallest_threshold(chosen, alpha=alpha))
    unusual = min(detector.unusual_above, refused, smallest_threshold(chosen, alpha=REMARK_ALPHA))
    return replace(detector, unusual_above=max(unusual, EVERYTHING), refused_above=max(refused, EVERYTHING))


def figures(chosen: Mapping[str, Source], *, alpha: float, hospital: OtherHospital | None) -> dict[str, Any]:
    """What the card says of the guarantee; shares of the other hospital are out of fold."""
    said: dict[str, Any] = {
        "alpha": alpha,
        "without_remark_alpha": REMARK_ALPHA,
        "sources": {name: {"n": len(one.scores), "groups": len(np.unique(one.groups))} for name, one in chosen.items()},
    }
    if hospital is None:
        return said
    accepted = accepted_out_of_fold(chosen, alpha=alpha, folds=FOLDS)[hospital.about.key]
    wrong, labels = hospital.wrong, hospital.labels
    said["other_hospital"] = {
        "key": hospital.about.key,
        "title": hospital.about.title,
        "labels": hospital.about.labels,
        "folds": FOLDS,
        "accepted": share(accepted),
        "wrong_and_accepted": share(accepted & wrong),
        "by_label": {
            str(label): {
                "n": int((labels == label).sum()),
                "accepted": share(accepted[labels == label]),
                "accepted_as": {
                    str(output): int((accepted & (labels == label) & (hospital.outputs == output)).sum())
                    for output in np.unique(hospital.outputs)
                },
            }
            for label in np.unique(labels)
        },
    }
    return said


def share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    """A share with its Wilson interval, as records and cards hold it."""
    count, n = int(hits.sum()), len(hits)
    return {"share": count / n, "hits": count, "n": n, "interval": list(wilson(count, n))}
