"""Maps of one class's logit from the network as a whole: integrated gradients and occlusion.

Both ask the network dozens to hundreds of times, so `explain` gives them only when they are named. They ask a private
folded copy: the same function up to fp32 rounding, a fifth faster, and nothing can be left on the shared network.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

from meddef_core.errors import MedDefError
from meddef_core.explanation.explainer import Explainer, ExplanationSubject
from meddef_core.explanation.maps import MapInfo
from meddef_core.model import MedDef
from meddef_core.model.folded import folded
from meddef_core.text import Text

STEPS = 32
"""Points on the way from black to the image."""

WINDOW, STRIDE = 28, 14
"""Side of the covered square and how far it moves, in pixels; the stride divides both the window and 224."""

CHUNK = 16
"""Images asked at once, which bounds the memory of many sessions at a time."""


def integrated_gradients(network: MedDef, image: Tensor, *, target: int, steps: int = STEPS) -> Tensor:
    """What each pixel adds to one class's logit on the straight way from black: `(1, C, H, W)` in [0, 1] to `(H, W)`.

    The midpoint rule over `steps` points (Sundararajan et al. 2017, section 5); channels are summed, signs kept. All
    pixels add up to the logit of the image less that of black, but for the error of the sum (completeness, section 3).
    """
    # Out of the caller's inference or no-grad mode, if any: either would forbid the graph.
    with torch.inference_mode(False), torch.enable_grad():
        frozen = folded(network)
        pixels = image.detach().clone()
        total = torch.zeros_like(pixels)
        shares = (torch.arange(steps, device=pixels.device, dtype=pixels.dtype) + 0.5) / steps
        for chunk in shares.split(CHUNK):
            points = (chunk[:, None, None, None] * pixels).requires_grad_()
            (gradients,) = torch.autograd.grad(frozen(points)[:, target].sum(), points)
            total = total + gradients.sum(dim=0, keepdim=True)
    return (pixels * total / steps)[0].sum(dim=0).detach()


def occlusion(network: MedDef, image: Tensor, *, target: int) -> Tensor:
    """How much one class's logit falls where the image is covered: `(1, C, H, W)` to `(H / 14, W / 14)`, signed.

    A 28-pixel square in the image's mean (of each channel) moves by 14 pixels (Zeiler and Fergus 2014, section 4.2). A
    cell of 14 x 14 pixels holds the mean fall over the squares that cover it. Raises MedDefError for sides that 14
    does not divide or that are smaller than the square.
    """
    height, width = image.shape[-2:]
    if min(height, width) < WINDOW or height % STRIDE or width % STRIDE:
        raise MedDefError(
            Text(
                "map.occlusion-sides",
                "Occlusion needs sides of at least {window} pixels that {stride} divides; resize the image.",
                window=WINDOW,
                stride=STRIDE,
            )
        )
    frozen = folded(network)
    fill = image.mean(dim=(2, 3))[0, :, None, None]
    tops, lefts = (range(0, side - WINDOW + 1, STRIDE) for side in (height, width))
    places = list(itertools.product(tops, lefts))
    falls = []
    with torch.no_grad():
        clean = frozen(image)[0, target]
        for start in range(0, len(places), CHUNK):
            some = places[start : start + CHUNK]
            covered = image.expand(len(some), -1, -1, -1).clone()
            for one, (top, left) in zip(covered, some, strict=True):
                one[:, top : top + WINDOW, left : left + WINDOW] = fill
            falls.append(clean - frozen(covered)[:, target])
        return _spread(torch.cat(falls), rows=height // STRIDE, columns=width // STRIDE)


def _spread(falls: Tensor, *, rows: int, columns: int) -> Tensor:
    """Falls of all squares, in reading order, to cells `(rows, columns)`: each the mean of the squares over it."""
    side = WINDOW // STRIDE
    by_place = falls.reshape(1, 1, rows - side + 1, columns - side + 1)
    kernel = torch.ones(1, 1, side, side, dtype=falls.dtype, device=falls.device)
    return (F.conv_transpose2d(by_place, kernel) / F.conv_transpose2d(torch.ones_like(by_place), kernel))[0, 0]


def _integrated_gradients(subject: ExplanationSubject) -> Tensor:
    return integrated_gradients(subject.network, subject.image, target=subject.target)


def _occlusion(subject: ExplanationSubject) -> Tensor:
    return occlusion(subject.network, subject.image, target=subject.target)


ORDER = 20
EXPLAINERS = (
    Explainer(
        info=MapInfo(
            key="integrated_gradients",
            title=Text("attention.integrated-gradients", "Integrated gradients"),
            meaning=Text(
                "map.what-each",
                "What each pixel added to the score of the explained class, or took from it, starting from black.",
            ),
            signed=True,
            bounded=None,
        ),
        citation="Sundararajan et al. 2017, Axiomatic Attribution for Deep Networks, arXiv:1703.01365 (section 3)",
        applies=lambda config: True,
        compute=_integrated_gradients,
        costly=True,
    ),
    Explainer(
        info=MapInfo(
            key="occlusion",
            title=Text("attention.occlusion", "Occlusion"),
            meaning=Text(
                "map.how-far",
                "How far the score of the explained class falls when a region is covered; negative where it rises.",
            ),
            signed=True,
            bounded=None,
        ),
        citation="Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901 "
        "(section 4.2)",
        applies=lambda config: True,
        compute=_occlusion,
        costly=True,
    ),
)
