"""MedDef: `Output = C(A(D(B(x))))` (paper, pipeline), and every variant of it, from one configuration."""

from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meddef_core.model.attention import SelfAttention
from meddef_core.model.backbone import ACTIVATIONS, STAGES, STEM_STRIDES, Backbone
from meddef_core.model.daam import DaamMaps, DefenseModule
from meddef_core.text import Text

NO_MAPS = DaamMaps(None, None, None, None, None)


GRID_SIDES = (8, 14, 16, 28, 32, 56, 112, 224)
"""Rows or columns of a grid: divisors of 224, so that every cell averages as many pixels."""

_LATER = ("grid", "noise", "stem_stride")
"""Settings that the first cards did not have."""


@dataclass(frozen=True, kw_only=True)
class MedDefConfig:
    """Everything that sets a network's shape. The defaults are the paper's, on grey images.

    `afd`, `mfe`, `msf` and `attention` switch the paper's modules; with all four off the network is the
    ResNet-18 baseline. `pool` averages k x k pixels inside the model before the first convolution.
    `mean` and `std` normalise pixels in [0, 1]; both are part of the model, so an attack never sees them.
    `daam_after` is the backbone's stage that the DAAM reads: the paper's is the last, 4. Of images of 224 pooled by 2
    that leaves 4 x 4 positions, fewer than the finest of its scales has cells; after stage 3 there are 7 x 7.

    `grid` averages images to that many rows and columns inside the model, instead of `pool`; images that have this
    size already pass as they are, so that noise can be added there. `noise` is the standard deviation, in pixel units,
    of the Gaussian noise on the grid that the network expects: with it the network is the base of a smoothed one
    (`meddef_core.certification`).
    """

    classes: int
    channels: int = 1
    width: int = 64
    pool: int = 1
    activation: str = "relu"
    afd: bool = True
    mfe: bool = True
    msf: bool = True
    attention: bool = True
    daam_after: int = STAGES
    dropout: float = 0.2
    mean: float = 0.5
    std: float = 0.25
    grid: tuple[int, int] | None = None
    noise: float = 0.0
    stem_stride: int = 4

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise ValueError(f"a classifier needs at least 2 classes, not {self.classes}")
        if self.channels not in (1, 3):
            raise ValueError(f"channels must be 1 (grey) or 3 (colour), not {self.channels}")
        if self.width < 4 or self.width % 4:
            raise ValueError(f"width must be a positive multiple of 4, not {self.width}")
        if self.pool not in (1, 2, 4):
            raise ValueError(f"pool must be 1, 2 or 4, not {self.pool}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, not {self.activation!r}")
        if not 1 <= self.daam_after <= STAGES:
            raise ValueError(f"daam_after must be a stage from 1 to {STAGES}, not {self.daam_after}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), not {self.dropout}")
        if self.std <= 0:
            raise ValueError(f"std must be positive, not {self.std}")
        if self.stem_stride not in STEM_STRIDES:
            raise ValueError(f"stem_stride must be 1, 2 or 4, not {self.stem_stride}")
        self._check_grid()

    def _check_grid(self) -> None:
        if self.grid is not None:
            # A card and a recipe give a list.
            object.__setattr__(self, "grid", tuple(self.grid))
            if len(self.grid) != 2 or not all(side in GRID_SIDES for side in self.grid):
                raise ValueError(f"grid must be rows and columns out of {GRID_SIDES}, not {self.grid}")
            if self.pool != 1:
                raise ValueError("grid takes the place of pool; set pool to 1")
        if self.noise < 0 or (self.noise and self.grid is None):
            raise ValueError("noise must not be negative, and is added on a grid; set grid, to [56, 28] say")

    @property
    def has_daam(self) -> bool:
        return self.afd or self.mfe or self.msf

    @property
    def is_baseline(self) -> bool:
        """True for the plain ResNet-18: neither DAAM nor self-attention, one linear head."""
        return not (self.has_daam or self.attention)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a card stores them; what came later only where it is used."""
        later = {field.name: field.default for field in fields(self) if field.name in _LATER}
        values = {key: value for key, value in asdict(self).items() if key not in later or value != later[key]}
        return values | ({"grid": list(self.grid)} if self.grid else {})


VARIANTS: dict[str, dict[str, bool]] = {
    "full": {},
    "without_afd": {"afd": False},
    "without_afd_mfe": {"afd": False, "mfe": False},
    "only_afd": {"mfe": False, "msf": False},
    "without_daam": {"afd": False, "mfe": False, "msf": False},
    "without_attention": {"attention": False},
    "resnet18": {"afd": False, "mfe": False, "msf": False, "attention": False},
}
"""The paper's ablations (and two it lacks) as overrides of `MedDefConfig`."""

VARIANT_WORDS = {
    "without_afd": Text("model.without-afd", "without AFD"),
    "without_afd_mfe": Text("model.without-afd-mfe", "without AFD and MFE"),
    "only_afd": "with AFD alone",
    "without_daam": Text("model.without-daam", "without DAAM"),
    "without_attention": Text("model.without-self", "without self-attention"),
}
"""What tells an ablated MedDef from the full one, as it follows the model's name."""


class Trace(NamedTuple):
    """One forward pass, whole. Maps are None where the model lacks the module."""

    logits: Tensor
    """`(B, classes)`."""
    features: Tensor
    """`(B, C, H, W)`: what B gives to D."""
    defended: Tensor
    """`(B, C, H, W)`: what D gives on; equal to `features` in a model without DAAM."""
    daam: DaamMaps
    final: Tensor
    """`(B, C', H', W')`: what A and the head read; equal to `defended` unless D stands before the last stage."""
    attended: Tensor | None
    """`(B, C')`: the self-attention's summary."""
    self_attention: Tensor | None
    """`(B, H'*W', H'*W')`: row i says what position i looks at."""


def average_on_grid(x: Tensor, grid: tuple[int, int]) -> Tensor:
    """Means `(B, C, rows, columns)` over equal cells of `(B, C, H, W)`; ValueError where they cannot be equal."""
    (height, width), (rows, columns) = x.shape[-2:], grid
    if height % rows or width % columns:
        raise ValueError(f"an image of {height} x {width} pixels has no {rows} x {columns} equal cells")
    return F.avg_pool2d(x, (height // rows, width // columns))


class InputStage(nn.Module):
    """Normalisation and average pooling: a part of the model, so that attacks work on pixels."""

    def __init__(self, config: MedDefConfig) -> None:
        super().__init__()
        self.mean, self.std, self.pool, self.grid = config.mean, config.std, config.pool, config.grid

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / self.std
        if self.grid is not None:
            return x if x.shape[-2:] == self.grid else average_on_grid(x, self.grid)
        return F.avg_pool2d(x, self.pool) if self.pool > 1 else x


class MedDef(nn.Module):
    """A classifier of images `(B, channels, H, W)` in [0, 1]; `forward` returns logits `(B, classes)`."""

    def __init__(self, config: MedDefConfig) -> None:
        super().__init__()
        self.config = config
        self.entry: nn.Module = InputStage(config)
        self.backbone = Backbone(
            channels=config.channels,
            width=config.width,
            activation=config.activation,
            stem_stride=config.stem_stride,
        )
        c, read = self.backbone.channels_after(STAGES), self.backbone.channels_after(config.daam_after)
        self.daam = DefenseModule(read, afd=config.afd, mfe=config.mfe, msf=config.msf) if config.has_daam else None
        self.attention = SelfAttention(c) if config.attention else None
        self.head: nn.Module
        if config.is_baseline:
            self.head = nn.Linear(c, config.classes)
        else:
            self.head = nn.Sequential(
                nn.Linear(2 * c if config.attention else c, c),
                nn.ReLU(),
                nn.Dropout(config.dropout),
                nn.Linear(c, config.classes),
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.trace(x).logits

    def trace(self, x: Tensor) -> Trace:
        """Logits and every gate, attention and feature map, all from this one pass."""
        if x.ndim != 4 or x.shape[1] != self.config.channels:
            raise ValueError(f"expected images of shape (B, {self.config.channels}, H, W), got {tuple(x.shape)}")
        stage = self.config.daam_after
        features = self.backbone.until(stage, self.entry(x))
        defended, maps = (features, NO_MAPS) if self.daam is None else self.daam(features)
        final = self.backbone.after(stage, defended)
        summary = final.mean(dim=(2, 3))
        attended = weights = None
        if self.attention is not None:
            attended, weights = self.attention(final)
            summary = torch.cat([summary, attended], dim=1)
        return Trace(self.head(summary), features, defended, maps, final, attended, weights)

    def layers(self) -> dict[str, nn.Module]:
        """Convolutional stages worth explaining, by name, shallow to deep; the last is the usual Grad-CAM layer."""
        named: dict[str, nn.Module] = {}
        for stage in range(1, STAGES + 1):
            named[f"stage{stage}"] = self.backbone.get_submodule(f"stage{stage}")
            if self.daam is not None and stage == self.config.daam_after:
                named["phi"] = self.daam.phi
        return named


def parameter_count(model: nn.Module) -> int:
    """Number of trainable and frozen parameters, buffers not counted."""
    return sum(p.numel() for p in model.parameters())
