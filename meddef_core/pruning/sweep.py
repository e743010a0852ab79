"""One network at rising sparsity: clean, attacked, and how often an attack succeeds (paper, pruning tables).

A success rate of 0 % says nothing alone: a network that reads every scan as one class cannot be fooled. So each row
also says how often each class was answered.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from meddef_core.attacks import AttackSpec
from meddef_core.data.images import Images
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.report import OnStage, measure
from meddef_core.pruning.masks import pruned, weight_counts

SPARSITIES = tuple(tenths / 10 for tenths in range(9))
"""The paper's: none to 80 % in steps of ten."""


def prune_sweep(
    network: nn.Module,
    images: Images,
    *,
    classes: Sequence[str],
    attacks: Sequence[AttackSpec],
    sparsities: Sequence[float] = SPARSITIES,
    on_stage: OnStage | None = None,
) -> dict[str, Any]:
    """What `measure` finds after one-shot global magnitude pruning to each sparsity; plain JSON values.

    `network` is in eval mode and stays as it was. Each row adds `sparsity` (asked for), `nonzero` weights, and
    `answers`: the share of clean scans read as each class.
    """
    rows = []
    for sparsity in sparsities:

        def tell(stage: str, done: int, total: int, sparsity: float = sparsity) -> None:
            if on_stage:
                on_stage(f"{sparsity:.0%} pruned, {stage}", done, total)

        sparse = pruned(network, sparsity)
        read = np.bincount(attack_images(sparse, images, None).predictions, minlength=len(classes)) / len(images)
        rows.append(
            {
                "sparsity": sparsity,
                "nonzero": weight_counts(sparse).nonzero,
                "answers": {name: float(share) for name, share in zip(classes, read, strict=True)},
            }
            | measure(sparse, images, classes=classes, attacks=attacks, on_stage=tell)
        )
    return {"method": "one-shot global magnitude", "prunable": weight_counts(network).prunable, "rows": rows}
