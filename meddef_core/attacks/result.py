"""What an attack hands back: the images, re-checked and re-classified, and how far they moved, measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from meddef_core.attacks.spec import AttackSpec, AttackStep
from meddef_core.eps import Norm
from meddef_core.errors import AttackError
from meddef_core.text import Text

BALL_TOLERANCE = 1e-6
"""Slack on the budget, in pixel units: float32 rounds x + eps and adv - x by up to 6e-8 each. An L2 norm adds up as
many of these as there are values, so there the slack grows with the budget: `tolerance`."""

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
"""Width and spread, in pixels, of the Gaussian that structural similarity looks through."""


@dataclass(frozen=True, eq=False)
class AttackResult:
    """An attack's outcome. `B` images, `K` classes; tensors are on the device of the images attacked."""

    spec: AttackSpec
    adversarial: Tensor
    """`(B, C, H, W)`; inside the ball and inside [0, 1], also where the attack failed."""
    success: Tensor
    """`(B,)` bool, from a fresh full-precision forward: the label differs from y, or equals the target."""
    clean_logits: Tensor
    """`(B, K)`."""
    adversarial_logits: Tensor
    """`(B, K)`, from that fresh forward."""
    linf: Tensor
    """`(B,)`: the measured largest change of a value, in pixel units."""
    l2: Tensor
    """`(B,)`: the Euclidean norm of the change, in pixel units."""
    psnr: Tensor
    """`(B,)`: dB, peak 1; infinite where nothing changed."""
    ssim: Tensor
    """`(B,)`; NaN for images too small for its 11-pixel window."""
    pixels_changed: Tensor
    """`(B,)`: share of pixels (not values) that changed at all."""
    first_fooled: Tensor
    """`(B,)` int64: the step that first fooled (a random start counts with the step after it), 0 where the clean image
    did, -1 where none did."""
    trace: tuple[AttackStep, ...]
    cancelled: bool

    @property
    def steps_run(self) -> int:
        return len(self.trace)

    @property
    def clean_prediction(self) -> Tensor:
        return self.clean_logits.argmax(dim=1)

    @property
    def adversarial_prediction(self) -> Tensor:
        return self.adversarial_logits.argmax(dim=1)


class Measures(NamedTuple):
    """Distances of images from their originals, each `(B,)`; see `AttackResult` for units."""

    linf: Tensor
    l2: Tensor
    psnr: Tensor
    ssim: Tensor
    pixels_changed: Tensor


def linf_distance(adversarial: Tensor, x: Tensor) -> Tensor:
    """Largest absolute change of each image, `(B,)`."""
    return (adversarial - x).abs().flatten(1).amax(dim=1)


def l2_distance(adversarial: Tensor, x: Tensor) -> Tensor:
    """Euclidean norm of each image's change, `(B,)`."""
    length: Tensor = (adversarial - x).flatten(1).norm(dim=1)
    return length


def l0_distance(adversarial: Tensor, x: Tensor) -> Tensor:
    """Share of each image's values that changed at all, `(B,)`."""
    return (adversarial != x).flatten(1).to(x.dtype).mean(dim=1)


DISTANCES: dict[Norm, Callable[[Tensor, Tensor], Tensor]] = {
    "linf": linf_distance,
    "l2": l2_distance,
    "l0": l0_distance,
}
"""Norms a budget can bound, by the key that `AttackInfo.norm` uses."""


def measure(adversarial: Tensor, x: Tensor) -> Measures:
    """How far `adversarial` `(B, C, H, W)` is from `x`, both in [0, 1]."""
    changed = (adversarial != x).any(dim=1).flatten(1)
    return Measures(
        linf=linf_distance(adversarial, x),
        l2=l2_distance(adversarial, x),
        psnr=-10 * (adversarial - x).square().flatten(1).mean(dim=1).log10(),
        ssim=_ssim(adversarial, x),
        pixels_changed=changed.to(x.dtype).mean(dim=1),
    )


def tolerance(eps: float, *, norm: Norm) -> float:
    """How far beyond `eps` rounding alone may carry an image."""
    return BALL_TOLERANCE * max(1.0, eps) if norm == "l2" else BALL_TOLERANCE


def check_adversarial(adversarial: Tensor, x: Tensor, *, eps: float, norm: Norm) -> None:
    """AttackError unless every image is finite, inside [0, 1] and within `eps` (+ `tolerance`) of its original."""
    if adversarial.shape != x.shape or not bool(torch.isfinite(adversarial).all()):
        raise AttackError(
            Text(
                "attack.images-not-finite",
                "the attack made images that are not finite, which is a fault of the attack: report it",
            )
        )
    if bool((adversarial < 0).any()) or bool((adversarial > 1).any()):
        raise AttackError(
            Text(
                "attack.left-pixel-range",
                "the attack left the pixel range [0, 1], which is a fault of the attack: report it",
            )
        )
    farthest = float(DISTANCES[norm](adversarial, x).max())
    if farthest > eps + tolerance(eps, norm=norm):
        raise AttackError(
            Text(
                "attack.moved-too-far",
                "the attack moved {farthest:.6f} with an epsilon of {eps:.6f}, which is a fault of the attack: "
                "report it",
                farthest=farthest,
                eps=eps,
            )
        )


def _ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004) of two batches, mean over pixels and channels, borders reflected.

    Our own twenty lines because importing torchmetrics' takes seconds, in the middle of a reader's first attack.
    """
    if min(a.shape[2:]) < SSIM_WINDOW:
        return torch.full((len(a),), torch.nan, dtype=a.dtype, device=a.device)
    # Five blurred copies of each image: a few images at a time keeps the peak low.
    return torch.cat([_ssim_map(p, q).flatten(1).mean(dim=1) for p, q in zip(a.split(16), b.split(16), strict=True)])


def _ssim_map(a: Tensor, b: Tensor) -> Tensor:
    offsets = torch.arange(SSIM_WINDOW, dtype=a.dtype, device=a.device) - SSIM_WINDOW // 2
    window = (-(offsets**2) / (2 * SSIM_SIGMA**2)).exp()
    window /= window.sum()

    def blur(image: Tensor) -> Tensor:
        single = F.pad(image.flatten(0, 1)[:, None], [SSIM_WINDOW // 2] * 4, mode="reflect")
        return F.conv2d(F.conv2d(single, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1)).view_as(image)

    mean_a, mean_b = blur(a), blur(b)
    variances = (blur(a * a) - mean_a**2).clamp(min=0) + (blur(b * b) - mean_b**2).clamp(min=0)
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2  # the paper's K1, K2 for a range of 1
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance * (2 * covariance + c2) / (variances + c2)
