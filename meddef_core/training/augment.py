"""Weak augmentation of whole batches: one affine warp (torchvision) and one change of brightness per image.

Strong augmentation or vertical flips cost accuracy here: the anatomy's orientation carries the answer.
"""

import math
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from torch import Tensor
from torchvision.transforms import v2

from meddef_core.training.sharing import WHOLE, BatchShare


class Augmentation(BaseModel):
    """Ranges to draw from, uniformly; a range of r means plus or minus r."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    flip: float = Field(0.5, ge=0, le=1)
    """Chance of a horizontal flip."""
    scale: float = Field(0.10, ge=0, lt=0.9)
    degrees: float = Field(7.0, ge=0, le=180)
    shift: float = Field(0.08, ge=0, le=0.5)
    """Share of the image's side."""
    gain: float = Field(0.20, ge=0, lt=1)
    offset: float = Field(0.10, ge=0, lt=1)
    gamma: float = Field(0.0, ge=0, lt=1)
    """Range of the logarithm of the exponent."""
    aspect: float = Field(0.0, ge=0, lt=1)
    """Range of the logarithm of height by width. Scans squashed to a square keep their shape as a stretch of what they
    show; where classes differ in it, as chest films do, a network reads the stretch."""
    rim: float = Field(0.0, ge=0, lt=0.5)
    """Largest share of the image's side that is blackened, drawn for each of the four sides. What lies at the border,
    such as arms or how much of the neck is in the frame, tells how a scan was taken; where classes differ in it, a
    network reads it instead of the finding."""

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As versions before `aspect` and `rim` wrote it, where they are zero: a run resumes only under its recipe."""
        values: dict[str, Any] = plain(self)
        return {key: value for key, value in values.items() if value or key not in ("aspect", "rim")}

    def __call__(self, x: Tensor, *, generator: torch.Generator, share: BatchShare = WHOLE) -> Tensor:
        """`(B, C, H, W)` in [0, 1] to the same; all randomness from `generator`, drawn for the whole batch."""
        batch = x.shape[0]

        def chance() -> Tensor:
            return share.of(torch.rand(batch * share.count, generator=generator))

        def draw(spread: float) -> Tensor:
            return (chance() * 2 - 1) * spread

        angle, scale = draw(math.radians(self.degrees)), 1 + draw(self.scale)
        mirror = torch.where(chance() < self.flip, -1.0, 1.0)
        cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
        tall = torch.exp(draw(self.aspect) / 2) if self.aspect else torch.ones(())
        across, down = draw(2 * self.shift), draw(2 * self.shift)
        rows = [cos * mirror * tall, -sin / tall, across, sin * mirror * tall, cos / tall, down]
        x = warped(x, torch.stack(rows, dim=1).view(batch, 2, 3))
        gain, offset, gamma = 1 + draw(self.gain), draw(self.offset), torch.exp(draw(self.gamma))
        gain, offset, gamma = (each.view(batch, 1, 1, 1).to(x.device) for each in (gain, offset, gamma))
        if self.gamma:
            x.clamp_(1e-6, 1).pow_(gamma)
        x.mul_(gain).add_(offset).clamp_(0, 1)
        if self.rim:
            x = x * _inside(x, [chance() * self.rim for _ in range(4)])
        return x


def warped(x: Tensor, theta: Tensor) -> Tensor:
    """Each of `(B, C, H, W)` under its own affine map, bilinear, black outside.

    `theta` is `(B, 2, 3)` from an output place to the place in the image that it shows, both in [-1, 1] from edge to
    edge, x first. torchvision's own affine transform stretches both axes alike, so its perspective transform serves: a
    map in pixels, with nothing in its last two terms.
    """
    high, wide = x.shape[-2:]
    (xx, xy, x0), (yx, yy, y0) = theta.permute(1, 2, 0).cpu()
    none = torch.zeros_like(xx)
    across = [xx, xy * wide / high, (x0 + 1 - xx - xy) * wide / 2]
    down = [yx * high / wide, yy, (y0 + 1 - yx - yy) * high / 2]
    out = torch.empty_like(x)
    for kept, image, terms in zip(out, x, torch.stack([*across, *down, none, none], dim=1).tolist(), strict=True):
        kept.copy_(v2.functional.perspective(image, None, None, coefficients=terms))
    return out


def _inside(x: Tensor, rims: list[Tensor]) -> Tensor:
    """One inside the frame of `(B, C, H, W)`, zero in the rim; `rims` are shares `(B,)`: top, bottom, left, right."""
    top, bottom, left, right = (rim.view(-1, 1).to(x.device) for rim in rims)
    rows, columns = (((torch.arange(side, device=x.device) + 0.5) / side).view(1, -1) for side in x.shape[-2:])
    high, wide = (rows >= top) & (rows <= 1 - bottom), (columns >= left) & (columns <= 1 - right)
    return high[:, None, :, None] & wide[:, None, None, :]
