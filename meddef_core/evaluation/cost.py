"""What one reading costs: the work of it, the weights behind it, and its time beside another network's."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

ROUNDS = 30
"""Readings of each network in a comparison of times, in turns: what else the machine does then meets both alike."""


@dataclass(frozen=True)
class Times:
    """Two networks' times for one scan, taken in turns on one core."""

    ratio: float
    """Median over the rounds of the first's time by the second's."""
    rounds: int


def macs(network: nn.Module, image: Tensor) -> int:
    """Multiply-accumulates of reading `image` `(1, C, H, W)`: those of convolutions and matrix products, zeros too.

    Half of what PyTorch's counter calls floating-point operations.
    """
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(image)
    return int(counter.get_total_flops() // 2)


def compare_times(first: nn.Module, second: nn.Module, image: Tensor, *, rounds: int = ROUNDS) -> Times:
    """Time both on `image` `(1, C, H, W)`, one thread, in turns; the first round of each is not counted."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            first(image), second(image)
            pairs = [(_seconds(first, image), _seconds(second, image)) for _ in range(rounds)]
    finally:
        torch.set_num_threads(threads)
    return Times(ratio=statistics.median(one / other for one, other in pairs), rounds=rounds)


def _seconds(network: Callable[[Tensor], Tensor], image: Tensor) -> float:
    start = time.perf_counter()
    network(image)
    return time.perf_counter() - start
