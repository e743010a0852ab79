"""How good weights are on validation patients, the images divided among the processes."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import nn

from meddef_core.attacks import AttackSpec
from meddef_core.data.images import Images
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.metrics import balanced_accuracy
from meddef_core.training.settings import ValidationSettings
from meddef_core.training.sharing import WHOLE, BatchShare


@dataclass(frozen=True)
class Judge:
    """Predictions of a network in eval mode on lists of images, attacked or not."""

    network: nn.Module
    share: BatchShare = WHOLE

    def __call__(self, images: Images, spec: AttackSpec | None) -> NDArray[np.int64]:
        """`(N,)` predictions, the same in every process; each image is attacked first if `spec` is given."""
        if self.share.count == 1:
            return attack_images(self.network, images, spec).predictions
        # Every count-th image: lists are sorted by class, and some classes take an attack longer than others.
        own = np.arange(self.share.index, len(images), self.share.count)
        found = attack_images(self.network, subset(images, own), spec).predictions if len(own) else own
        gathered: list[NDArray[np.int64]] = [found] * self.share.count
        dist.all_gather_object(gathered, found)
        predictions = np.empty(len(images), dtype=np.int64)
        for index, part in enumerate(gathered):
            predictions[index :: self.share.count] = part
        return predictions


def validation_score(judge: Judge, images: Images, settings: ValidationSettings, *, classes: int) -> float:
    """Balanced accuracy; under PGD on the margin if `settings.eps` is above zero.

    With an `attacked_share` below one, the others, spread evenly over the list, are read as they are.
    """
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
