"""The backbone B: ResNet-18 as a pure feature extractor (He et al. 2016; paper, section on the architecture)."""

from collections.abc import Callable

from torch import Tensor, nn

STAGES = 4

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut: `(B, C, H, W) -> (B, C', H/s, W/s)`."""

    def __init__(self, channels_in: int, channels: int, *, stride: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.act = activation()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.act(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        shown: Tensor = self.act(out + self.shortcut(x))
        return shown


STEM_STRIDES = (1, 2, 4)


def _stem(channels: int, width: int, *, stride: int, activation: Callable[[], nn.Module]) -> nn.Sequential:
    if stride == 4:
        first, pool = nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False), [nn.MaxPool2d(3, 2, padding=1)]
    else:
        first, pool = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False), []
    return nn.Sequential(first, nn.BatchNorm2d(width), activation(), *pool)


class Backbone(nn.Module):
    """ResNet-18 without its head: `(B, channels, H, W) -> (B, 8 * width, ceil(H/8s), ceil(W/8s))`, s the stem's stride.

    Blocks 2-2-2-2 with `width`, 2, 4 and 8 times `width` channels; width 64 is the paper's, and so is a stem of
    stride 4. Small images need one of 1 or 2: a convolution of 3 x 3 without max-pooling.
    """

    def __init__(self, *, channels: int, width: int, activation: str, stem_stride: int = 4) -> None:
        super().__init__()
        act = ACTIVATIONS[activation]
        self.stem = _stem(channels, width, stride=stem_stride, activation=act)
        self.stage1 = self._stage(width, width, stride=1, activation=act)
        self.stage2 = self._stage(width, 2 * width, stride=2, activation=act)
        self.stage3 = self._stage(2 * width, 4 * width, stride=2, activation=act)
        self.stage4 = self._stage(4 * width, 8 * width, stride=2, activation=act)
        self.width = width

    @staticmethod
    def _stage(channels_in: int, channels: int, *, stride: int, activation: Callable[[], nn.Module]) -> nn.Sequential:
        return nn.Sequential(
            BasicBlock(channels_in, channels, stride=stride, activation=activation),
            BasicBlock(channels, channels, stride=1, activation=activation),
        )

    def channels_after(self, stage: int) -> int:
        """Channels of what a stage gives, stage 1 to 4."""
        return int(self.width * 2 ** (stage - 1))

    def until(self, stage: int, x: Tensor) -> Tensor:
        """From images to what that stage gives, `ceil(side / 2**(stage + 1))` positions a side."""
        return self._run(self.stem(x), 1, stage)

    def after(self, stage: int, x: Tensor) -> Tensor:
        """From what that stage gives to the end."""
        return self._run(x, stage + 1, STAGES)

    def forward(self, x: Tensor) -> Tensor:
        return self.until(STAGES, x)

    def _run(self, x: Tensor, first: int, last: int) -> Tensor:
        for stage in range(first, last + 1):
            x = self.get_submodule(f"stage{stage}")(x)
        return x
