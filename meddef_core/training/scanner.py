"""What differs between scanners, exports and places in a volume, drawn anew for every B-scan of a batch.

A network that learned from one device reads that device's habits (Zhang et al. 2020, Generalizing deep learning for
medical image segmentation to unseen domains via deep stacked transformation, doi:10.1109/TMI.2020.2973595). Two of the
habits weigh most in the public OCT scans: every healthy one passes through the fovea, so that a retina without a pit
looks swollen; and grain, contrast and the rows that were kept are one device's.

Everything here is applied before a batch is attacked, so that the attacker sees it too.
"""

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from meddef_core.text import Text
from meddef_core.training.sharing import WHOLE, BatchShare

WIDE = 2
"""Training pictures are this many times as wide as what the network sees, so that a window keeps its detail."""


class ScannerAugmentation(BaseModel):
    """Chances and ranges; everything is drawn uniformly."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    windows: float = Field(0.5, ge=0, le=1)
    """Chance that a part of the width is cut out and stretched to the full width."""
    narrowest: float = Field(0.40, gt=0, le=1)
    widest: float = Field(0.65, gt=0, le=1)
    """Width of a window as a share of the scan's."""
    margin: float = Field(0.2, ge=0, lt=1)
    """A scan that is not cut still loses up to this share of its width."""
    tilt: float = Field(0.06, ge=0, le=0.5)
    """Largest rise from the middle to a side, as a share of the height."""
    curve: float = Field(0.08, ge=0, le=0.5)
    """Largest rise of both sides above the middle, as a share of the height."""
    blur: float = Field(0.4, ge=0, le=1)
    """Chance of smoothing over 3 x 3 pixels, by a random share."""
    noise: float = Field(0.24, ge=0, le=1)
    """Largest standard deviation of the grain; small ones are commoner."""
    cut: float = Field(0.28, ge=0, lt=0.5)
    """Largest share of the rows that is missing above, and below; drawn for three scans in five each."""
    corners: float = Field(0.2, ge=0, le=1)
    """Chance of rounded black corners."""

    @model_validator(mode="after")
    def _narrow_before_wide(self) -> "ScannerAugmentation":
        if self.narrowest > self.widest:
            raise ValueError(Text("training.scanner-widths", "scanner.narrowest must not be above scanner.widest"))
        return self

    def geometry(self, x: Tensor, *, size: int, generator: torch.Generator, share: BatchShare = WHOLE) -> Tensor:
        """`(B, C, H, W)` to `(B, C, H, size)`: a window of each scan, tilted and bent.

        Place and width of a window are drawn alike for every class: a rule that knew the class would itself be a
        shortcut. Some windows of a diseased scan therefore miss its lesion, and keep its label.
        """
        draw = _Draws(len(x), generator, share)
        cut = draw.chance(self.windows)
        width = torch.where(cut, draw.between(self.narrowest, self.widest), 1 - self.margin * draw.share())
        centre = 0.5 + draw.either(0.5) * (1 - width)
        across = (torch.arange(size) + 0.5) / size * 2 - 1
        down = (torch.arange(x.shape[2]) + 0.5) / x.shape[2] * 2 - 1
        # Sampling coordinates run from -1 to 1: a share of the height is twice as much there.
        rise = 2 * draw.either(self.tilt)[:, None] * across + 2 * draw.either(self.curve)[:, None] * (across**2 - 1 / 3)
        columns = (2 * centre - 1)[:, None] + width[:, None] * across
        grid = torch.stack([columns[:, None].expand(-1, x.shape[2], -1), down[None, :, None] + rise[:, None]], dim=-1)
        return F.grid_sample(x, grid.to(x.device), mode="bilinear", padding_mode="border", align_corners=False)

    def appearance(self, x: Tensor, *, generator: torch.Generator, share: BatchShare = WHOLE) -> Tensor:
        """`(B, C, H, W)` in [0, 1] to the same: smoothed, grained, cut above and below, with rounded corners."""
        draw = _Draws(len(x), generator, share)
        soft = draw.share() * draw.chance(self.blur)
        x = torch.lerp(x, _smooth(x), _column(soft, x))
        amplitude = self.noise * draw.share() ** 2
        noise = draw.noise(x)
        noise = torch.where(_column(draw.chance(0.5), x), noise, 2 * _smooth(noise))
        # Receiver noise is the same everywhere, speckle grows with the signal.
        speckle = 0.5 * draw.share()
        x = x + _column(amplitude, x) * noise * (1 + _column(speckle, x) * (2 * x - 1))
        return (self._missing(x, draw)).clamp(0, 1)

    def _missing(self, x: Tensor, draw: "_Draws") -> Tensor:
        """Rows and corners that an export leaves out."""
        rows = ((torch.arange(x.shape[2], device=x.device) + 0.5) / x.shape[2])[None, None, :, None]
        columns = ((torch.arange(x.shape[3], device=x.device) + 0.5) / x.shape[3])[None, None, None, :]
        above, below = (_column(self.cut * draw.share() * draw.chance(0.6), x) for _ in range(2))
        grey = _column(0.15 * draw.share() * draw.chance(0.5), x)
        x = torch.where((rows < above) | (rows > 1 - below), grey, x)
        radius, height = _column(draw.between(1.05, 1.4), x), _column(draw.between(0.3, 1.0), x)
        outside = torch.hypot(2 * columns - 1, (2 * rows - 1) * height) > radius
        return torch.where(outside & _column(draw.chance(self.corners), x), torch.zeros((), device=x.device), x)


class _Draws:
    """Numbers for every image of a batch, `(B,)`, drawn for all processes and shared among them."""

    def __init__(self, batch: int, generator: torch.Generator, share: BatchShare) -> None:
        self.batch, self.generator, self.process = batch, generator, share

    def share(self) -> Tensor:
        return self.process.of(torch.rand(self.batch * self.process.count, generator=self.generator))

    def between(self, low: float, high: float) -> Tensor:
        return low + (high - low) * self.share()

    def either(self, reach: float) -> Tensor:
        """From -reach to reach."""
        return self.between(-reach, reach)

    def chance(self, chance: float) -> Tensor:
        return self.share() < chance

    def noise(self, x: Tensor) -> Tensor:
        """Standard normal, in the shape of `x`."""
        whole = torch.randn(self.batch * self.process.count, *x.shape[1:], generator=self.generator)
        return self.process.of(whole).to(x.device)


def _smooth(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)


def _column(values: Tensor, x: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1).to(x.device)
