"""A Scan goes in, a Prediction comes out."""

from dataclasses import dataclass

import torch
from torch import Tensor

from meddef_core.errors import ModelError
from meddef_core.scans import Scan
from meddef_core.zoo import LoadedModel


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What one model says about one image: a model output, not a diagnosis.

    `probabilities` (softmax of the logits, uncalibrated) and `logits` run in the order of `classes`;
    `index` and `label` are the class with the largest.
    """

    model: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    logits: tuple[float, ...]
    index: int
    label: str


def prepare(model: LoadedModel, scan: Scan) -> Tensor:
    """The image `(1, C, 224, 224)` in [0, 1] that `model` reads of a scan, by its card's preprocessing."""
    image = torch.from_numpy(model.preprocessing(scan.pixels))[None]
    image = image.expand(-1, model.channels, -1, -1)
    return image.contiguous().to(_device(model))


def predict(model: LoadedModel, image: Tensor | Scan) -> Prediction:
    """Read one scan, or one image `(1, C, 224, 224)` in [0, 1] that was prepared before.

    Raises ModelError for a batch and for logits that are not finite.
    """
    x = prepare(model, image) if isinstance(image, Scan) else image
    if x.ndim != 4 or x.shape[0] != 1:
        raise ModelError(f"One image of shape (1, C, H, W) is read at a time, not {tuple(x.shape)}.")
    with torch.inference_mode():
        logits = model.network(x.to(_device(model)))[0]
    return from_logits(model, logits)


def from_logits(model: LoadedModel, logits: Tensor) -> Prediction:
    """The Prediction that logits `(K,)` of this model stand for, such as those of an attack's result."""
    classes = model.task.classes
    if logits.shape != (len(classes),):
        raise ModelError(f"{model.card.key} has {len(classes)} classes, but logits of shape {tuple(logits.shape)}.")
    if not bool(torch.isfinite(logits).all()):
        raise ModelError(f"{model.card.key} gave an output that is not finite; restore its weights.")
    values = logits.detach().double().cpu()
    index = int(values.argmax())
    return Prediction(
        model=model.card.key,
        classes=classes,
        probabilities=tuple(values.softmax(dim=0).tolist()),
        logits=tuple(values.tolist()),
        index=index,
        label=classes[index],
    )


def _device(model: LoadedModel) -> torch.device:
    return next(model.network.parameters()).device
