"""DAAM, the Defense-Aware Attention Mechanism (paper, section on the DefenseModule).

Three parallel branches on a feature map, fused and added back under channel attention:
`D(x) = x + Phi([AFD, MFE, MSF]) * Omega`. Every module maps `(B, C, H, W)` to the same shape and
returns its inner maps beside its output, so that one forward pass explains itself.

Results are negative: DAAM gave no measurable benefit in our ablation. Networks trained without it were as accurate and
as robust on both tasks (three seeds each; `docs/results.md`, `docs/lab-log/daam.md`). It is here because the paper
describes it, and because its maps can be inspected.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MSF_SCALES = (2, 4, 8)
"""Side lengths of the pooled grids (paper, multi-scale feature analysis)."""

SQUEEZE_REDUCTION = 4
"""Bottleneck of the channel attention Omega (paper; Hu et al. 2018)."""


class DaamMaps(NamedTuple):
    """What the DAAM saw, for a batch of B; a map is None where its module is left out of the model."""

    afd_gate: Tensor | None
    """`(B, C, H, W)` in [0, 1]: the noise gate; low where a feature is held back as suspicious."""
    mfe_edges: Tensor | None
    """`(B, C, H, W)` in [-1, 1]: signed edge response."""
    mfe_texture: Tensor | None
    """`(B, C, H, W)`, at least 0: texture response."""
    msf: tuple[Tensor, ...] | None
    """`(B, C, H, W)` a scale, at least 0, coarse to fine in the order of `MSF_SCALES`."""
    channel_attention: Tensor | None
    """`(B, C)` in [0, 1]: Omega."""


def conv_bn_relu(channels_in: int, channels: int, kernel: int = 1, *, groups: int = 1) -> nn.Sequential:
    """Convolution (same padding), batch norm, ReLU.

    The convolution keeps a bias that the batch norm makes redundant: only so do the paper's counts
    (21.84 M full, 18.69 M without AFD) come out.
    """
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2, groups=groups),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )


class AdversarialFeatureDetection(nn.Module):
    """AFD: `x + C(x * gate)`, `gate = sigmoid(conv2(relu(bn(conv1(x)))))` (paper, AFD)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv_bn_relu(channels, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.refine = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        gate = torch.sigmoid(self.conv2(self.conv1(x)))
        return x + self.refine(x * gate), gate


class MedicalFeatureExtraction(nn.Module):
    """MFE: edges `E = tanh(3x3 depthwise)`, texture `T = relu(bn(5x5 depthwise))`, `G([x, E, T])` (paper, MFE)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.edge = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.texture = conv_bn_relu(channels, channels, 5, groups=channels)
        self.fuse = conv_bn_relu(3 * channels, channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        edges = torch.tanh(self.edge(x))
        texture = self.texture(x)
        return self.fuse(torch.cat([x, edges, texture], dim=1)), edges, texture


class MultiScaleFeatures(nn.Module):
    """MSF: adaptive average pools to 2, 4 and 8, each projected and resized back, fused with x (paper, MSF)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(conv_bn_relu(channels, channels) for _ in MSF_SCALES)
        self.fuse = nn.Sequential(
            conv_bn_relu((1 + len(MSF_SCALES)) * channels, 2 * channels), nn.Conv2d(2 * channels, channels, 1)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        scales = tuple(
            F.interpolate(project(F.adaptive_avg_pool2d(x, side)), size=x.shape[-2:], mode="bilinear")
            for side, project in zip(MSF_SCALES, self.project, strict=True)
        )
        return self.fuse(torch.cat([x, *scales], dim=1)), scales


class ChannelAttention(nn.Module):
    """Omega: squeeze-and-excite weights, `(B, C, H, W) -> (B, C)` in [0, 1] (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // SQUEEZE_REDUCTION)
        self.excite = nn.Linear(channels // SQUEEZE_REDUCTION, channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3))))))


class DefenseModule(nn.Module):
    """D: `x + Phi([AFD, MFE, MSF]) * Omega`.

    An ablated module is left out of the concatenation; Phi's hidden width stays at 2C as in the full model.
    With none of the three there is nothing to fuse: build the network without a DefenseModule instead.
    """

    def __init__(self, channels: int, *, afd: bool = True, mfe: bool = True, msf: bool = True) -> None:
        super().__init__()
        branches = sum((afd, mfe, msf))
        if branches == 0:
            raise ValueError("a DefenseModule needs at least one of AFD, MFE and MSF")
        self.afd = AdversarialFeatureDetection(channels) if afd else None
        self.mfe = MedicalFeatureExtraction(channels) if mfe else None
        self.msf = MultiScaleFeatures(channels) if msf else None
        self.phi = nn.Sequential(conv_bn_relu(branches * channels, 2 * channels), conv_bn_relu(2 * channels, channels))
        self.omega = ChannelAttention(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, DaamMaps]:
        outputs: list[Tensor] = []
        gate = edges = texture = scales = None
        if self.afd is not None:
            out, gate = self.afd(x)
            outputs.append(out)
        if self.mfe is not None:
            out, edges, texture = self.mfe(x)
            outputs.append(out)
        if self.msf is not None:
            out, scales = self.msf(x)
            outputs.append(out)
        fused = self.phi(torch.cat(outputs, dim=1))
        weights = self.omega(fused)
        maps = DaamMaps(gate, edges, texture, scales, weights)
        return x + fused * weights[:, :, None, None], maps
