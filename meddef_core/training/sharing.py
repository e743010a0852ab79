"""A batch divided among processes such that together they take the step that one process would take.

Every process draws the random numbers of the whole batch and uses its own part of them; losses are weighted by the
whole batch's labels; batch-norm statistics, in training mode, are those of the whole batch.
"""

from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Rows = TypeVar("Rows", Tensor, NDArray[Any])


@dataclass(frozen=True)
class BatchShare:
    """Which of `count` equal parts of a batch this process works on."""

    index: int = 0
    count: int = 1

    def of(self, whole: Rows) -> Rows:
        """This process's rows; their number is a multiple of `count`."""
        size = len(whole) // self.count
        return whole[self.index * size : (self.index + 1) * size]


WHOLE = BatchShare()


def share_randomness_and_statistics(network: nn.Module, share: BatchShare, *, size: int) -> None:
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
        normed, mean, variance = _SharedNorm.apply(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            n = dist.get_world_size() * x.numel() / x.shape[1]
            momentum = 0.0 if self.momentum is None else self.momentum
            assert self.running_mean is not None and self.running_var is not None
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * n / (n - 1), momentum)
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
        return cast(Tensor, normed)


class _SharedNorm(torch.autograd.Function):
    """`(normed, mean, variance)` of a batch norm whose statistics are those of all processes.

    Reads and writes a whole batch only in torch's own kernels, in the batch's own type: written out in float32 tensors
    the same arithmetic takes longer than the convolutions beside it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        count = dist.get_world_size()
        own_mean, own_variance = torch.ops.aten.batch_norm_update_stats(x, None, None, 0.0)
        own_mean, own_variance = own_mean.to(weight.dtype), own_variance.to(weight.dtype)
        mean = sum_over_processes(own_mean / count)
        variance = sum_over_processes((own_variance + (own_mean - mean).square()) / count)
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps, ctx.n = eps, count * x.numel() / x.shape[1]
        ctx.mark_non_differentiable(mean, variance)
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps), mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, variance = ctx.saved_tensors
        scale = torch.rsqrt(variance + ctx.eps)
        # With the statistics held fixed; what the input moves through them comes after.
        through, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, mean, scale, False, ctx.eps, [True, True, True]
        )
        by_weight, by_bias = sum_over_processes(torch.stack([for_weight, for_bias]) / ctx.n)
        slope = weight * scale.square() * by_weight
        shift = weight * scale * by_bias - slope * mean
        through.sub_(shift[:, None, None].to(x.dtype))
        through.addcmul_(x, slope[:, None, None].to(x.dtype), value=-1)
        return through, for_weight, for_bias, None


class SharedDropout(nn.Dropout):
    """Dropout that draws for the batches of all processes, as one process would, and uses its own rows."""

    def __init__(self, p: float, *, share: BatchShare, size: int) -> None:
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
