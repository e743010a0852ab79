"""Changes that no attacker makes: the same scan stretched, cut, dimmed or blurred, and how each class is then read.

A network may answer by how a scan came about instead of by what it shows (Geirhos et al. 2020, Shortcut learning in
deep neural networks, arXiv:2004.07780; Zech et al. 2018, doi:10.1371/journal.pmed.1002683, for chest films). None of
these changes is a finding; a recall that falls under one of them shows what else is being read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from meddef_core.data.images import FULL, Images
from meddef_core.evaluation.metrics import balanced_accuracy, balanced_interval, recalls
from meddef_core.text import Text

BATCH = 64


@dataclass(frozen=True)
class Shift:
    """One change of a whole scan: `(B, 1, H, W)` in [0, 1] to the same."""

    key: str
    title: str
    apply: Callable[[Tensor], Tensor]


def stretched(x: Tensor, *, tall: float = 1.0, wide: float = 1.0) -> Tensor:
    """Enlarged by `tall` and `wide` about the centre; what leaves the frame is lost, what enters it is black."""
    theta = torch.tensor([[1 / wide, 0.0, 0.0], [0.0, 1 / tall, 0.0]], dtype=x.dtype, device=x.device)
    grid = F.affine_grid(theta.expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def rimmed(x: Tensor, *, share: float) -> Tensor:
    """A black rim of `share` of each side, as a wider collimator or a screenshot leaves."""
    down, across = (round(share * side) for side in x.shape[-2:])
    inside = torch.zeros_like(x)
    inside[..., down : x.shape[-2] - down, across : x.shape[-1] - across] = 1
    return x * inside


def blurred(x: Tensor, *, size: int) -> Tensor:
    """The mean over `size` by `size` pixels, the edge repeated outside."""
    half = size // 2
    return F.avg_pool2d(F.pad(x, (half, half, half, half), mode="replicate"), size, stride=1)


def faded(x: Tensor, *, contrast: float) -> Tensor:
    """Contrast about the scan's own mean times `contrast`."""
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return (mean + contrast * (x - mean)).clamp(0, 1)


SHIFTS = (
    Shift("none", Text("shift.as-it", "as it is"), lambda x: x),
    Shift("taller", Text("shift.quarter-taller", "a quarter taller"), lambda x: stretched(x, tall=1.25)),
    Shift("wider", Text("shift.quarter-wider", "a quarter wider"), lambda x: stretched(x, wide=1.25)),
    Shift("smaller", Text("shift.fifth-smaller", "a fifth smaller"), lambda x: stretched(x, tall=0.8, wide=0.8)),
    Shift("rim", Text("shift.black-rim", "black rim of 9%"), lambda x: rimmed(x, share=0.09)),
    Shift("darker", Text("shift.darker-gamma", "darker (gamma 1.6)"), lambda x: x.clamp(min=1e-6) ** 1.6),
    Shift("brighter", Text("shift.brighter-gamma", "brighter (gamma 0.6)"), lambda x: x.clamp(min=1e-6) ** 0.6),
    Shift("faded", Text("shift.contrast-60", "contrast 60%"), lambda x: faded(x, contrast=0.6)),
    Shift("blurred", Text("shift.blurred-5", "blurred (5 x 5)"), lambda x: blurred(x, size=5)),
    Shift(Text("shift.mirrored", "mirrored"), Text("shift.mirrored", "mirrored"), lambda x: x.flip(3)),
)

MOVING = ("none", "taller", "smaller", "rim", "brighter")
"""What offsets are chosen over: scans as they are, and changes of frame and brightness that move the boundary of chest
networks on validation patients (docs/lab-log/chest.md); not all, so that the others still test the choice."""


def shifted(images: Images, shift: Shift) -> Images:
    """Changed copies of the scans, stored as they are."""
    stored = np.empty_like(images.stored, subok=False)
    for start in range(0, len(images), BATCH):
        some = slice(start, start + BATCH)
        x, _ = images.batch(some)
        stored[some] = (shift.apply(x).clamp(0, 1) * FULL).round().numpy().astype(np.uint16)
    return Images(stored, images.labels, images.items)


def read_shifted(
    network: nn.Module,
    images: Images,
    *,
    classes: tuple[str, ...],
    on_shift: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """One row a shift: recalls, and balanced accuracy with its 95% interval, in fp32; `network` is in eval mode."""
    labels = images.labels.numpy()
    rows = []
    for number, shift in enumerate(SHIFTS):
        answers = _predictions(network, images, shift)
        found = recalls(labels, answers, classes=len(classes))
        rows.append(
            {
                "shift": shift.key,
                "title": shift.title,
                "balanced_accuracy": balanced_accuracy(labels, answers, classes=len(classes)),
                "balanced_interval": balanced_interval(labels, answers, classes=len(classes)),
                "recall": dict(zip(classes, found.tolist(), strict=True)),
            }
        )
        if on_shift:
            on_shift(number + 1, len(SHIFTS))
    return rows


@torch.inference_mode()
def _predictions(network: nn.Module, images: Images, shift: Shift) -> NDArray[np.int64]:
    device = next(network.parameters()).device
    found = []
    for start in range(0, len(images), BATCH):
        x, _ = images.batch(slice(start, start + BATCH))
        found.append(network(shift.apply(x.to(device))).argmax(dim=1).cpu().numpy())
    return np.concatenate(found)
