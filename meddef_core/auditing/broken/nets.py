"""Wrappers that break an honest network, each in one way; the network itself stays as it is."""

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meddef_core.attacks.draws import draw_signs

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Mish, nn.Hardswish, nn.Tanh, nn.Sigmoid)


class Wrapper(nn.Module):
    """Images `(B, C, H, W)` in [0, 1] to logits `(B, K)`, in eval mode; `network` is shared."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits


class Quantiser(Wrapper):
    """Pixels rounded to 16 grey levels."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x * 15).round() / 15)


class Detached(Wrapper):
    """The graph is cut; zeros keep it from being missed."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach()) + 0 * x.sum()


class SaturatedLogits(Wrapper):
    """Logits times 1000."""

    def forward(self, x: Tensor) -> Tensor:
        return 1000 * super().forward(x)


class _RandomSigns(torch.autograd.Function):
    """The identity, whose gradient is one of random signs that depend on the image."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradients[0].abs() * draw_signs(x, seed=0, draw=0)


class WrongGradient(Wrapper):
    """The right value with random signs for a gradient."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(_RandomSigns.apply(x))


class Rippled(Wrapper):
    """Every pixel gets a ripple of half a grey level, a thousand times steeper than the image is."""

    HEIGHT, STEEPNESS = 0.5 / 255, 1000.0

    def forward(self, x: Tensor) -> Tensor:
        frequency = self.STEEPNESS / self.HEIGHT
        return super().forward(x + self.HEIGHT * torch.sin(frequency * x))


class RandomResize(Wrapper):
    """Every call shrinks the images by up to a fifth and pads them back at a random place."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        rows, columns = (self._draw(side - side // 5, side) for side in (height, width))
        top, left = self._draw(0, height - rows), self._draw(0, width - columns)
        small = F.interpolate(x, size=(rows, columns), mode="nearest")
        return super().forward(F.pad(small, (left, width - columns - left, top, height - rows - top)))

    def _draw(self, low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=self.generator))


class NoisyLogits(Wrapper):
    """Normal noise, as large as the spread of the logits, on top of them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        noise = torch.randn(logits.shape, generator=self.generator, dtype=logits.dtype)
        return logits + 0.5 * logits.detach().std(dim=1, keepdim=True) * noise


class ConstantClassifier(Wrapper):
    """The first class, by so much that no image changes it."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        return 1e-3 * logits.tanh() + F.one_hot(torch.zeros(len(x), dtype=torch.int64), logits.shape[1])


class Probabilities(Wrapper):
    """Softmax of the logits."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).softmax(dim=1)


class NormalisedInputs(Wrapper):
    """Undoes a normalisation by mean 0.5 and deviation 0.25 that somebody must have done."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(0.25 * x + 0.5)


class RaisesUnderGradient(Wrapper):
    """Fails as soon as a gradient is wanted."""

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            raise RuntimeError("in-place operation on a leaf that requires a gradient")
        return super().forward(x)


class NaNUnderAttack(Wrapper):
    """NaN for an image with a pixel that is no multiple of 1/255."""

    def forward(self, x: Tensor) -> Tensor:
        levels = x.detach() * 255
        off = ((levels - levels.round()).abs().flatten(1).amax(dim=1) > 0.1).view(-1, 1)
        return super().forward(x).masked_fill(off, torch.nan)


class TrainingBatchNorm(Wrapper):
    """Normalises the logits by the batch's own mean and deviation, as a batch norm in training mode."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        if len(x) == 1:
            return logits
        spread = logits.std(dim=0, keepdim=True)
        return (logits - logits.mean(dim=0, keepdim=True)) / spread.clamp(min=1e-3)


class BatchNeighbours(Wrapper):
    """The batch's mean image takes part in every reading."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        return logits - 0.5 * logits.roll(1, dims=0)


class KWinners(nn.Module):
    """Keeps the largest tenth of each image's values and puts zeros for the others (Xiao et al. 2020, section 3)."""

    def __init__(self, share: float = 0.1) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        values = x.flatten(1)
        least = values.topk(max(1, int(self.share * values.shape[1])), dim=1).values[:, -1:]
        return torch.where(values >= least, values, 0.0).view_as(x)


def k_winners(network: nn.Module) -> nn.Module:
    """A copy of the network with `KWinners` for every activation."""
    broken = copy.deepcopy(network)
    for module in list(broken.modules()):
        for name, child in module.named_children():
            if isinstance(child, ACTIVATIONS):
                setattr(module, name, KWinners())
    return broken.eval()
