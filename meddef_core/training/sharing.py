"""A batch divided among processes such that together they take the step that one process would take.

Every process draws the random numbers of the whole batch and uses its own part of them; losses are weighted by the
whole batch's labels; batch-norm statistics, in training mode, are those of the whole batch.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

Rows = TypeVar("Rows", Tensor, NDArray[Any])


@dataclass(frozen=True)
class Share:
    """Which of `count` equal parts of a batch this process works on."""

    index: int = 0
    count: int = 1

    def of(self, whole: Rows) -> Rows:
        """This process's rows; their number is a multiple of `count`."""
        size = len(whole) // self.count
        return whole[self.index * size : (self.index + 1) * size]


WHOLE = Share()


def share_randomness_and_statistics(network: nn.Module, share: Share, *, size: int) -> None:
    """Replace, in place, what works on whole batches: batch norms and dropout. `size` is this process's batch.

    To be called before the optimizer is made. Names and values of parameters and buffers stay, and so does what the
    network does in eval mode.
    """
    if share.count == 1:
        return
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                shared = SharedBatchNorm2d(child.num_features, eps=child.eps, momentum=child.momentum)
                shared.load_state_dict(child.state_dict())
                setattr(parent, name, shared)
            elif isinstance(child, nn.Dropout):
                setattr(parent, name, SharedDropout(child.p, share=share, size=size))


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the batches of all processes, which are equally large.

    torch's own SyncBatchNorm needs CUDA; this one works with any backend of torch.distributed.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        count = dist.get_world_size()
        values = x.float()
        mean = _Sum.apply(values.mean(dim=(0, 2, 3))) / count
        centred = values - mean[:, None, None]
        variance = _Sum.apply(centred.square().mean(dim=(0, 2, 3))) / count
        with torch.no_grad():
            n = count * values.numel() / values.shape[1]
            momentum = 0.0 if self.momentum is None else self.momentum
            assert self.running_mean is not None and self.running_var is not None
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * n / (n - 1), momentum)
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


class SharedDropout(nn.Dropout):
    """Dropout that draws for the batches of all processes, as one process would, and uses its own rows."""

    def __init__(self, p: float, *, share: Share, size: int) -> None:
        super().__init__(p)
        self.share, self.size = share, size

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        # Clean and attacked images stand one after the other in a batch of twice the size: each block is divided.
        blocks = len(x) // self.size
        whole = torch.ones(len(x) * self.share.count, *x.shape[1:], device=x.device)
        drawn = F.dropout(whole, self.p, training=True).view(blocks, -1, *x.shape[1:])
        return x * torch.cat([self.share.of(block) for block in drawn]).to(x.dtype)


def sum_over_processes(values: Tensor) -> Tensor:
    """Sum `values` over all processes, in place; what every process then holds."""
    dist.all_reduce(values)
    return values


class _Sum(torch.autograd.Function):
    """Sum over processes that passes gradients: each process's loss depends on every process's part."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return sum_over_processes(values.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return sum_over_processes(gradient.clone())
