"""A Scan goes in, a Prediction comes out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp

import torch
from torch import Tensor

from meddef_core.errors import ModelError
from meddef_core.model import MedDef
from meddef_core.prediction import Abstention, Familiarity, Fitted, calibrate, fitted_for
from meddef_core.prediction.abstention import Level
from meddef_core.prediction.checks import Evidence, abstention
from meddef_core.prediction.statistics import describe
from meddef_core.scans import Scan
from meddef_core.text import Text
from meddef_core.words import listed
from meddef_core.zoo import LoadedModel


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What one model says about one image: a model output, not a diagnosis.

    `probabilities` (softmax of the logits, uncalibrated) and `logits` run in the order of `classes`;
    `index` and `label` are the class with the largest. `calibrated` are the probabilities at the `temperature` fitted
    on validation patients, which is higher for a scan away from the training scans; None where nothing was fitted.
    `note` says why a fit that is there was not used. `familiarity` is how like the training scans the image is; where
    the model must not predict at all, `abstained` says why, and the probabilities are not valid.
    """

    model: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    logits: tuple[float, ...]
    index: int
    label: str
    calibrated: tuple[float, ...] | None = None
    temperature: float | None = None
    familiarity: Familiarity | None = None
    abstained: Abstention | None = None
    note: str | None = None

    @property
    def shares(self) -> tuple[float, ...]:
        """The one probability of each class that every page, table and export shows.

        Calibrated where a fit stands beside the model, else the softmax.
        """
        return self.probabilities if self.calibrated is None else self.calibrated

    @property
    def probability(self) -> float:
        """The one probability of the predicted class, from `shares`."""
        return self.shares[self.index]

    @property
    def distance(self) -> float | None:
        """How far the image lies from the training scans, in spreads beyond the usual; None where it is unknown."""
        return None if self.familiarity is None else self.familiarity.score

    @property
    def level(self) -> Level | None:
        """How the scan was taken: "usual", "unusual" or "refused"; None where no check was fitted for the model."""
        if self.abstained is not None:
            return "refused"
        return None if self.familiarity is None else self.familiarity.level

    @property
    def calibration_holds(self) -> bool:
        """Whether the probability may be called calibrated: fitted, and on a scan like those it was fitted on."""
        return self.calibrated is not None and self.level == "usual"

    @property
    def sentence(self) -> str | None:
        """What must stand beside the output: why the model abstains, or that the scan is unusual; else None."""
        if self.abstained is not None:
            return self.abstained.sentence
        if self.familiarity is None or self.familiarity.level != "unusual":
            return None
        return Text(
            "prediction.unlike-most",
            "This scan is unlike most training scans: it differs in its {differs}. The prediction may be wrong, and "
            "its probability is not calibrated for such a scan.",
            differs=listed(self.familiarity.differs),
        )


def prepare(model: LoadedModel, scan: Scan) -> Tensor:
    """The image `(1, C, 224, 224)` in [0, 1] that `model` reads of a scan, by its card's preprocessing."""
    image = torch.from_numpy(model.preprocessing(scan.pixels, row_mm=scan.row_mm))[None]
    image = image.expand(-1, model.channels, -1, -1)
    return image.contiguous().to(_device(model))


def predict(
    model: LoadedModel, image: Tensor | Scan, *, scan: Scan | None = None, like: "Prediction | None" = None
) -> Prediction:
    """Predict one scan, or one image `(1, C, 224, 224)` in [0, 1] that was prepared before.

    An image alone has no header: give the `scan` that it was prepared from, so that the header is checked as well.
    An attacked image is predicted `like` its clean scan, given by that scan's prediction: at the same temperature, so
    that the attack alone moves its probabilities, and not at all where the model abstains from the scan.
    Raises ModelError for a batch and for logits that are not finite.
    """
    if isinstance(image, Scan):
        scan = image
    x = prepare(model, image) if isinstance(image, Scan) else image
    if x.ndim != 4 or x.shape[0] != 1:
        raise ModelError(
            Text(
                "prediction.one-image",
                "One image of shape (1, C, H, W) is predicted at a time, not {shape}.",
                shape=tuple(x.shape),
            )
        )
    (found,) = predict_batch(model, x, (scan,), like=like)
    return found


def predict_batch(
    model: LoadedModel, images: Tensor, scans: Sequence[Scan | None], *, like: "Prediction | None" = None
) -> tuple[Prediction, ...]:
    """Predict images `(B, C, 224, 224)` in [0, 1] in one pass, each as `predict` predicts it alone.

    `scans` are those that the images were prepared from. Raises ModelError for logits that are not finite.
    """
    inherited = None if like is None else like.abstained
    x = images.to(_device(model))
    with torch.inference_mode():
        logits = model.network(x)
    found = []
    for scan, row, familiarity in zip(scans, logits, _familiarities(model, x, logits), strict=True):
        evidence = Evidence(task=model.task, scan=scan, familiarity=familiarity)
        own = None if familiarity is None else familiarity.score
        predicted = from_logits(model, row, distance=own if like is None else like.distance)
        # An attacked image has no header, and its noise may hide what was wrong: the reason of its origin holds for it.
        abstained = abstention(evidence) if inherited is None else inherited
        found.append(replace(predicted, familiarity=familiarity, abstained=abstained))
    return tuple(found)


def from_logits(model: LoadedModel, logits: Tensor, *, distance: float | None = None) -> Prediction:
    """The Prediction that logits `(K,)` of this model stand for, such as those of an attack's result.

    It is calibrated where a fit stands beside the model, for a scan at that `distance` from the training scans (the
    score of its familiarity); nothing else is known of the image, so nothing is refused.
    """
    classes = model.task.classes
    if logits.shape != (len(classes),):
        raise ModelError(
            Text(
                "prediction.classes-logits",
                "{key} has {count} classes, but logits of shape {shape}.",
                key=model.card.key,
                count=len(classes),
                shape=tuple(logits.shape),
            )
        )
    if not bool(torch.isfinite(logits).all()):
        raise ModelError(
            Text(
                "prediction.key-gave",
                "{key} gave an output that is not finite; restore its weights.",
                key=model.card.key,
            )
        )
    values = logits.detach().double().cpu()
    index = int(values.argmax())
    fitted, note = _fitted(model)
    temperature = None if fitted is None else _temperature(fitted, distance)
    return Prediction(
        model=model.card.key,
        classes=classes,
        probabilities=tuple(values.softmax(dim=0).tolist()),
        logits=tuple(values.tolist()),
        index=index,
        label=classes[index],
        calibrated=None if temperature is None else tuple(calibrate(values.numpy(), temperature).tolist()),
        temperature=temperature,
        note=note,
    )


def _temperature(fitted: Fitted, distance: float | None) -> float:
    """That of the fit, hotter for a scan away from the training scans."""
    return fitted.card.temperature * exp(fitted.card.temperature_slope * max(distance or 0.0, 0.0))


def _familiarities(model: LoadedModel, x: Tensor, logits: Tensor) -> tuple[Familiarity | None, ...]:
    """One an image; None where nothing was fitted, or where a wrapper hides the network's features."""
    fitted, _ = _fitted(model)
    if fitted is None or not isinstance(model.network, MedDef):
        return (None,) * len(x)
    found, outputs = describe(model.network, x), logits.double().cpu().numpy()
    each = (slice(place, place + 1) for place in range(len(x)))
    return tuple(fitted.detector.judge({name: rows[i] for name, rows in found.items()}, outputs[i]) for i in each)


def _fitted(model: LoadedModel) -> tuple[Fitted | None, str | None]:
    """What was fitted for these weights; and where that cannot be used, the sentence that says why."""
    try:
        return fitted_for(model), None
    except ModelError as error:
        return None, str(error)


def _device(model: LoadedModel) -> torch.device:
    return next(model.network.parameters()).device
