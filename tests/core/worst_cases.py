"""Small lists and sets of attacks for the tests of the worst case."""

import numpy as np
import torch
from attack_nets import scans, small_net
from torch import nn

from meddef_core.attacks import default_spec
from meddef_core.data.images import FULL, Images
from meddef_core.data.lists import ListedScan
from meddef_core.evaluation.trials import Trial

EPS = 8 / 255
CLASSES = ("a", "b", "c", "d")


def some_images(n: int = 20, *, misread: int = 3, order: list[int] | None = None) -> tuple[nn.Module, Images]:
    """A small net and a list of what it reads; it misreads the first `misread`. `order` puts the list into another."""
    net = small_net()
    stored = (scans(n).numpy() * FULL).round().astype(np.uint16)
    with torch.no_grad():
        labels = net(torch.from_numpy(stored.astype(np.float32) / FULL)).argmax(dim=1)
    labels[:misread] = (labels[:misread] + 1) % len(CLASSES)
    items = tuple(ListedScan(f"{i}.png", int(labels[i]), f"p{i}", f"{i:064x}") for i in range(n))
    index = np.array(order or range(n))
    return net, Images(stored[index], labels[index], tuple(items[i] for i in index))


def set_of(*names: str, eps: tuple[float, ...] = (EPS,)) -> list[Trial]:
    """These attacks at each budget, quick."""
    return [Trial(spec=default_spec(name, eps=each, steps=5, stop_when_fooled=True)) for each in eps for name in names]
