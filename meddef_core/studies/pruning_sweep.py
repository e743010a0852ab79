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
from meddef_core.evaluation.card_numbers import OnStage, measure
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.selection import some_of_each_class, take
from meddef_core.pruning.masks import pruned, weight_counts
from meddef_core.studies.paper import JSMA_SCANS

SPARSITIES = tuple(tenths / 10 for tenths in range(9))
"""The paper's: none to 80 % in steps of ten."""


def prune_sweep(
    network: nn.Module,
    images: Images,
    *,
    classes: Sequence[str],
    attacks: Sequence[AttackSpec],
    sparsities: Sequence[float] = SPARSITIES,
    jsma_on_few: bool = False,
    on_stage: OnStage | None = None,
) -> dict[str, Any]:
    """What `measure` finds after one-shot global magnitude pruning to each sparsity; plain JSON values.

    `network` is in eval mode and stays as it was. Each row adds `sparsity` (asked for), `nonzero` weights, and
    `answers`: the share of clean scans read as each class. With `jsma_on_few`, JSMA is run on `JSMA_SCANS` images, the
    same at every level, and its row says so (`n`).
    """
    slow = [spec for spec in attacks if jsma_on_few and spec.name == "jsma"]
    fast = [spec for spec in attacks if spec not in slow]
    few = take(images, some_of_each_class(images, min(JSMA_SCANS, len(images)))) if slow else images
    rows = []
    for sparsity in sparsities:

        def tell(stage: str, done: int, total: int, sparsity: float = sparsity) -> None:
            if on_stage:
                on_stage(f"{sparsity:.0%} pruned, {stage}", done, total)

        sparse = pruned(network, sparsity)
        read = np.bincount(attack_images(sparse, images, None).predictions, minlength=len(classes)) / len(images)
        measured = measure(sparse, images, classes=classes, attacks=fast, on_stage=tell)
        if slow:
            on_few = measure(sparse, few, classes=classes, attacks=slow, on_stage=tell)
            measured["attacked"] += [row | {"n": len(few)} for row in on_few["attacked"]]
        rows.append(
            {
                "sparsity": sparsity,
                "nonzero": weight_counts(sparse).nonzero,
                "answers": {name: float(share) for name, share in zip(classes, read, strict=True)},
            }
            | measured
        )
    return {"method": "one-shot global magnitude", "prunable": weight_counts(network).prunable, "rows": rows}
