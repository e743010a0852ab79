"""The smoothed network: votes of a base network over Gaussian noise on its grid."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from meddef_core.certification.radius import check_smoothing
from meddef_core.io.worker import CancelledError
from meddef_core.model import MedDef, average_on_grid
from meddef_core.model.folded import folded
from meddef_core.text import Text

BATCH = 100
"""Draws classified at a time. A constant, because the same seed gives other noise in batches of another size."""

OnDraws = Callable[[int, int], None]
"""Told of the draws done and of all that are due."""


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A network that takes grids `(B, C, h, w)` to logits `(B, K)`, and the noise that it votes over.

    It is a model of its own: its class is the one that wins the vote, not that of the base network's logits.
    """

    base: nn.Module
    grid: tuple[int, int]
    sigma: float
    """Standard deviation of the noise on the grid, in pixel units."""
    classes: int

    def votes(
        self,
        image: Tensor,
        *,
        draws: int,
        generator: torch.Generator,
        on_draws: OnDraws | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> NDArray[np.int64]:
        """How often each class is answered, `(K,)`, for an image `(C, H, W)` in [0, 1].

        The noise comes from `generator` alone, on the CPU. CancelledError where `cancelled` says so.
        """
        centre = average_on_grid(image[None], self.grid)
        counts = torch.zeros(self.classes, dtype=torch.int64)
        for done in range(0, draws, BATCH):
            if cancelled is not None and cancelled():
                raise CancelledError(
                    Text(
                        "certificate.certificate-stopped",
                        "The certificate was stopped, as nobody waits for it; start it again.",
                    )
                )
            size = min(BATCH, draws - done)
            noise = torch.randn(size, *centre.shape[1:], generator=generator).to(centre.device)
            with torch.inference_mode():
                noisy = (centre + self.sigma * noise).contiguous(memory_format=torch.channels_last)
                answers = self.base(noisy).argmax(dim=1)
            counts += torch.bincount(answers.cpu(), minlength=self.classes)
            if on_draws:
                on_draws(done + size, draws)
        return counts.numpy()


def smoothed(network: nn.Module) -> Smoothed:
    """The smoothed network of one trained for it, on a copy; ModelError for any other.

    The copy's batch norms are folded into its convolutions: the base network is this copy, and what is certified is the
    vote over it.
    """
    config = network.config if isinstance(network, MedDef) else None
    grid = check_smoothing(config.grid if config else None, config.noise if config else 0.0)
    assert config is not None
    return Smoothed(base=folded(network), grid=grid, sigma=config.noise, classes=config.classes)
