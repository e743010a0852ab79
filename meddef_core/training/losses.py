"""What every objective is put together from: losses under class weights, for a whole batch or a part of it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

LossOf = Callable[[nn.Module], Tensor]
"""An objective on one batch, its images already crafted, as a function of the network."""


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Cross-entropy with class weights `(K,)` against imbalance, and label smoothing."""

    class_weights: Tensor
    label_smoothing: float
    balance: float = 1.0
    """Factor that makes the mean over processes of their losses the loss of the whole batch."""

    def __call__(self, logits: Tensor, y: Tensor) -> Tensor:
        """Mean loss over `(B, K)` logits and `(B,)` labels; in fp32 whatever precision the logits have."""
        weights = self.class_weights.to(logits.device)
        loss = F.cross_entropy(logits.float(), y, weight=weights, label_smoothing=self.label_smoothing)
        return loss * self.balance

    def divergence(self, clean: Tensor, attacked: Tensor, y: Tensor) -> Tensor:
        """Mean KL divergence of attacked from clean predictions, from logits `(B, K)`; class weights as above."""
        target, reached = clean.float().softmax(dim=1), attacked.float().log_softmax(dim=1)
        return self.mean(F.kl_div(reached, target, reduction="none").sum(dim=1), y)

    def mean(self, each: Tensor, y: Tensor) -> Tensor:
        """Mean of `(B,)` values over images of classes `y`; class weights and balance as above."""
        weights = self.class_weights.to(each.device)[y]
        return (weights * each).sum() / weights.sum() * self.balance
