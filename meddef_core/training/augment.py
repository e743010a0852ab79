"""Weak augmentation of whole batches: one affine warp and one change of brightness per image.

Strong augmentation or vertical flips cost accuracy here: the anatomy's orientation carries the answer.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from torch import Tensor

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
        theta = torch.stack(rows, dim=1).view(batch, 2, 3).to(x.device)
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        x = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        column = (batch, 1, 1, 1)
        gain, offset, gamma = 1 + draw(self.gain), draw(self.offset), torch.exp(draw(self.gamma))
        if self.gamma:
            x = x.clamp(1e-6, 1) ** gamma.view(column).to(x.device)
        x = (x * gain.view(column).to(x.device) + offset.view(column).to(x.device)).clamp(0, 1)
        if self.rim:
            x = x * _inside(x, [chance() * self.rim for _ in range(4)])
        return x


def _inside(x: Tensor, rims: list[Tensor]) -> Tensor:
    """One inside the frame of `(B, C, H, W)`, zero in the rim; `rims` are shares `(B,)`: top, bottom, left, right."""
    top, bottom, left, right = (rim.view(-1, 1).to(x.device) for rim in rims)
    rows, columns = (((torch.arange(side, device=x.device) + 0.5) / side).view(1, -1) for side in x.shape[-2:])
    high, wide = (rows >= top) & (rows <= 1 - bottom), (columns >= left) & (columns <= 1 - right)
    return high[:, None, :, None] & wide[:, None, None, :]
