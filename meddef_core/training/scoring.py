"""How good weights are on validation patients, the images divided among the processes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import nn

from meddef_core.attacks import AttackSpec
from meddef_core.certification import certified_radius, radii, smoothed
from meddef_core.data.images import Images
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.metrics import balanced_accuracy
from meddef_core.training.sharing import WHOLE, BatchShare
from meddef_core.training.validation_settings import CertifiedValidation, ValidationSettings


@dataclass(frozen=True)
class Judge:
    """Predictions of a network in eval mode on lists of images, attacked or not."""

    network: nn.Module
    share: BatchShare = WHOLE

    def __call__(self, images: Images, spec: AttackSpec | None) -> NDArray[np.int64]:
        """`(N,)` predictions, the same in every process; each image is attacked first if `spec` is given."""
        if self.share.count == 1:
            return attack_images(self.network, images, spec).predictions
        own = self.own(len(images))
        found = attack_images(self.network, subset(images, own), spec).predictions if len(own) else own
        return self.gathered(found, count=len(images))

    def own(self, count: int) -> NDArray[np.int64]:
        """Places of this process's images.

        Every n-th image: lists are sorted by class, and some classes take an attack longer than others.
        """
        return np.arange(self.share.index, count, self.share.count)

    def gathered(self, found: NDArray[Any], *, count: int) -> NDArray[Any]:
        """What all processes found for their own images, `(count, ...)` in the order of the list."""
        if self.share.count == 1:
            return found
        parts: list[NDArray[Any]] = [found] * self.share.count
        dist.all_gather_object(parts, found)
        whole = np.empty((count, *found.shape[1:]), dtype=found.dtype)
        for index, part in enumerate(parts):
            whole[index :: self.share.count] = part
        return whole


def validation_score(judge: Judge, images: Images, settings: ValidationSettings, *, classes: int) -> float:
    """Balanced accuracy; under PGD on the margin if `settings.eps` is above zero.

    With an `attacked_share` below one, the others, spread evenly over the list, are read as they are. With
    `settings.certified` it is the certified accuracy.
    """
    if settings.certified is not None:
        return certified_score(judge, images, settings.certified)
    spec = None
    if settings.eps:
        spec = AttackSpec(name="pgd", eps=settings.eps, steps=settings.steps, loss="margin", stop_when_fooled=True)
    if settings.attacked_share == 1 or spec is None:
        predictions = judge(images, spec)
    else:
        attacked = attacked_places(len(images), share=settings.attacked_share)
        predictions = np.empty(len(images), dtype=np.int64)
        for places, how in ((np.flatnonzero(attacked), spec), (np.flatnonzero(~attacked), None)):
            if len(places):
                predictions[places] = judge(subset(images, places), how)
    return balanced_accuracy(images.labels.numpy(), predictions, classes=classes)


def certified_score(judge: Judge, images: Images, settings: CertifiedValidation) -> float:
    """Mean over the radii of the balanced share of images that the smoothed network answers rightly that far.

    The radius is what the share of votes itself would give, half a vote less where all agree: with so few draws a
    lower limit would say more about their number than about the weights. The noise is the same each time.
    """
    network = smoothed(judge.network)
    correct = np.empty((len(own := judge.own(len(images))), 2))
    for row, place in enumerate(own):
        x, y = images.batch([int(place)])
        generator = torch.Generator().manual_seed(int(place))
        votes = network.votes(x[0].to(_device(judge.network)), draws=settings.draws, generator=generator)
        share = min(float(votes.max()), settings.draws - 0.5) / settings.draws
        radius = radii(certified_radius(share, sigma=network.sigma), grid=network.grid).linf
        correct[row] = radius, votes.argmax() == int(y)
    found = judge.gathered(correct, count=len(images))
    labels = images.labels.numpy()
    reached = [found[:, 1].astype(bool) & (found[:, 0] >= radius) for radius in settings.linf]
    return float(np.mean([share[labels == label].mean() for share in reached for label in np.unique(labels)]))


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def attacked_places(count: int, *, share: float) -> NDArray[np.bool_]:
    """`(count,)`: that share of the places, rounded down, spread evenly."""
    # A place is taken where the number that is due passes the next whole one; 1e-9 against 0.7 * 10 < 7.
    due = np.floor(np.arange(count + 1) * share + 1e-9)
    taken: NDArray[np.bool_] = np.diff(due) > 0
    return taken


def subset(images: Images, places: NDArray[np.int64]) -> Images:
    """The images at those places of a list."""
    items = tuple(images.items[place] for place in places)
    return Images(np.ascontiguousarray(images.stored[places]), images.labels[torch.from_numpy(places)], items)
