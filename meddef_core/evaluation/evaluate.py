"""A network against a list of scans, attacked or not: one prediction an image, and what they come to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.data.images import Images
from meddef_core.model.folded import folded

BATCH = 64
"""Images attacked at a time; the result does not depend on it."""


@dataclass(frozen=True, eq=False)
class EvaluationOutcome:
    """Logits `(N, K)` and predictions `(N,)` over a list, and the largest measured L-infinity distance."""

    logits: NDArray[np.float32]
    predictions: NDArray[np.int64]
    linf: float


def attack_images(
    network: nn.Module, images: Images, spec: AttackSpec | None, *, on_batch: Callable[[int, int], None] | None = None
) -> EvaluationOutcome:
    """Predictions in fp32 on every image, each attacked away from its true label first if `spec` is given.

    `network` is in eval mode. Images are crafted on its folded copy, which is the same function and faster, and
    judged by `network` itself. `on_batch(done, total)` is told after each batch.
    """
    crafted_on = network if spec is None else folded(network)
    device = next(network.parameters()).device
    logits: list[NDArray[np.float32]] = []
    linf = 0.0
    for start in range(0, len(images), BATCH):
        x, y = (tensor.to(device) for tensor in images.batch(slice(start, start + BATCH)))
        if spec is None:
            with torch.inference_mode():
                out = network(x)
        else:
            result = run_attack(crafted_on, x, y, spec)
            linf = max(linf, float(result.linf.max()))
            with torch.inference_mode():
                out = network(result.adversarial)
        logits.append(out.float().cpu().numpy())
        if on_batch:
            on_batch(min(start + BATCH, len(images)), len(images))
    stacked = np.concatenate(logits)
    return EvaluationOutcome(stacked, stacked.argmax(axis=1), linf)
