"""Pruning: which weights go, how the rest learns to do without them, and files that shrink with what is gone.

`pruned(network, 0.5)` is the paper's one-shot pruning; a recipe's `pruning` section prunes while it trains (`Pruner`);
`packed` is how a pruned model is stored, and `sweep` and `publish` measure it.
"""

from meddef_core.pruning.masks import (
    Masks,
    WeightCounts,
    apply_masks,
    magnitude_masks,
    prunable,
    pruned,
    sparsity_of,
    weight_counts,
)

__all__ = [
    "Masks",
    "WeightCounts",
    "apply_masks",
    "magnitude_masks",
    "prunable",
    "pruned",
    "sparsity_of",
    "weight_counts",
]
