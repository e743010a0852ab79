"""What a card holds besides shares of scans read right: areas under the ROC curve, and what a reading costs."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from scipy.special import softmax

from meddef_core.data.images import Images
from meddef_core.evaluation.cost import compare_times, macs
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.metrics import auroc
from meddef_core.pruning.masks import weight_counts
from meddef_core.zoo import LoadedModel


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """Measured with the shipped weights on the card's test list; times on the machine at hand."""

    auroc: float
    """Mean of the classes, each against the others, of calibration-free probabilities on clean scans."""
    auroc_per_class: dict[str, float]
    macs: int
    """Multiply-accumulates of one reading; zeros count as any other weight."""
    prunable_weights: int
    nonzero_weights: int
    latency: dict[str, Any] | None
    """Time for one scan as a multiple of the counterpart's (`beside`), taken in turns; None without one."""

    def onto(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """A card's metrics with these facts in them."""
        found = asdict(self)
        areas = {key: found.pop(key) for key in ("auroc", "auroc_per_class")}
        return metrics | {"clean": metrics["clean"] | areas} | found


def card_facts(model: LoadedModel, images: Images, *, twin: LoadedModel | None = None) -> CardFacts:
    """Measure a model of the zoo on `images`, and its time beside that of its undefended counterpart, `twin`."""
    classes = model.task.classes
    clean = attack_images(model.network, images, None)
    areas = auroc(softmax(clean.logits.astype("float64"), axis=1), images.labels.numpy())
    counts = weight_counts(model.network)
    image = torch.full((1, model.channels, model.preprocessing.size, model.preprocessing.size), 0.5)
    latency = None
    if twin is not None:
        latency = {"beside": twin.card.key} | asdict(compare_times(model.network, twin.network, image))
    return CardFacts(
        auroc=float(areas.mean()),
        auroc_per_class={name: float(area) for name, area in zip(classes, areas, strict=True)},
        macs=macs(model.network, image),
        prunable_weights=counts.prunable,
        nonzero_weights=counts.nonzero,
        latency=latency,
    )
