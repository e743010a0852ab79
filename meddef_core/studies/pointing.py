"""The pointing game on synthetic phantoms: whether a map's strongest point lies on the lesion that was drawn."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meddef_core.data.phantoms import LesionPhantom, phantom_with_lesion
from meddef_core.errors import MedDefError
from meddef_core.evaluation.metrics import wilson
from meddef_core.explanation.maps import ExplanationMap
from meddef_core.explanation.registry import available, explain
from meddef_core.explanation.stability import is_flat
from meddef_core.model import MedDef
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.tasks import get_task
from meddef_core.text import Text

TOLERANCE = 15
"""How far beside the lesion a point still hits, in pixels of the 224-pixel picture (Zhang et al. 2016, section 4.1)."""

HEALTHY = "NORMAL"
"""The class without a lesion."""


@dataclass(frozen=True, kw_only=True)
class PointingScore:
    """How often a map's strongest point hit the lesion, with what would have been hit without looking."""

    hits: int
    n: int
    interval: tuple[float, float]
    """Wilson interval (95 %) of `hits / n`."""
    chance: float
    """Mean share of the picture that counts as a hit: the score of a point placed at random."""
    centre: float
    """Score of the picture's centre, which is no random place: lesions are drawn where they occur."""


def draw_phantoms(
    task: str, *, per_class: int, healthy: bool = False, preprocessing: Preprocessing | None = None
) -> tuple[LesionPhantom, ...]:
    """`per_class` phantoms of each class of `task` with a lesion, or with `healthy` of the class without; seeds from 0.

    As a model of that preprocessing sees them, which is the task's unless given.
    Raises DataError for an unknown task.
    """
    labels = [label for label in get_task(task).classes if (label == HEALTHY) == healthy]
    return tuple(
        phantom_with_lesion(task, label, seed, preprocessing=preprocessing)
        for label in labels
        for seed in range(per_class)
    )


def pointing_game(network: MedDef, *, task: str, key: str, phantoms: Sequence[LesionPhantom]) -> PointingScore:
    """The score of one map; see `pointing_games`."""
    return pointing_games(network, task=task, keys=[key], phantoms=phantoms)[key]


def pointing_games(
    network: MedDef,
    *,
    task: str,
    keys: Collection[str],
    phantoms: Sequence[LesionPhantom],
    on_phantom: Callable[[int, int], None] | None = None,
) -> Mapping[str, PointingScore]:
    """How often each map's strongest point lies on the lesion, by the map's key, in the registry's order.

    Maps of a class's score explain the phantom's own class, whatever the network reads. A point hits on the lesion or
    within TOLERANCE pixels of it (Zhang et al. 2016, Top-down Neural Attention by Excitation Backprop,
    arXiv:1608.00507, section 4.1); a flat map points nowhere and misses. `on_phantom` hears (done, total). Raises
    MedDefError for a map the network lacks and for phantoms that show no lesion.
    """
    known = get_task(task)
    if missing := [key for key in keys if key not in available(network)]:
        raise MedDefError(
            Text(
                "studies.map-missing",
                "This model has no map {name}; choose from {known}.",
                name=repr(missing[0]),
                known=", ".join(available(network)),
            )
        )
    if not phantoms or not all(phantom.mask.any() for phantom in phantoms):
        raise MedDefError(
            Text(
                "studies.phantoms-without-lesion",
                "The pointing game needs phantoms that each show a lesion; draw some of a class with one.",
            )
        )
    hits = dict.fromkeys((key for key in available(network) if key in keys), 0)
    goals = [_goal(phantom.mask) for phantom in phantoms]
    for done, (phantom, goal) in enumerate(zip(phantoms, goals, strict=True), start=1):
        maps = explain(network, picture_of(network, phantom), target=known.index(phantom.label), only=keys)
        for key, found in maps.items():
            hits[key] += _points_into(found, goal)
        if on_phantom is not None:
            on_phantom(done, len(phantoms))
    n, chance = len(goals), float(np.mean([goal.mean() for goal in goals]))
    centre = float(np.mean([goal[goal.shape[0] // 2, goal.shape[1] // 2] for goal in goals]))
    return {
        key: PointingScore(hits=hit, n=n, interval=wilson(hit, n), chance=chance, centre=centre)
        for key, hit in hits.items()
    }


def read_right(network: MedDef, *, task: str, phantoms: Sequence[LesionPhantom]) -> dict[str, tuple[int, int]]:
    """Of the phantoms of each class, by label: how many the network reads as that class, and how many there are."""
    known = get_task(task)
    counts: dict[str, tuple[int, int]] = {}
    for phantom in phantoms:
        with torch.no_grad():
            reading = int(network(picture_of(network, phantom))[0].argmax())
        right, n = counts.get(phantom.label, (0, 0))
        counts[phantom.label] = (right + (reading == known.index(phantom.label)), n + 1)
    return counts


def picture_of(network: MedDef, phantom: LesionPhantom) -> Tensor:
    """The phantom as `network` reads it: `(1, C, 224, 224)` in [0, 1]."""
    pixels = torch.from_numpy(phantom.preprocessing(phantom.scan.pixels))[None]
    device = next(network.parameters()).device
    return pixels.expand(-1, network.config.channels, -1, -1).contiguous().to(device)


def _goal(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The lesion and what lies within TOLERANCE pixels of it."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * TOLERANCE + 1, 2 * TOLERANCE + 1))
    return cv2.dilate(mask.astype(np.uint8), disc).astype(bool)


def _points_into(found: ExplanationMap, goal: NDArray[np.bool_]) -> bool:
    if is_flat(found.grid):
        return False
    drawn = found.upsampled(goal.shape[0])
    return bool(goal.flat[int(drawn.argmax())])
