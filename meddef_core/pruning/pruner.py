"""Keeping a network sparse while it trains, so that what is left learns the objective without what is gone.

Gradual magnitude pruning (Zhu and Gupta 2017, To prune, or not to prune, arXiv:1710.01878, section 3): the sparsity
rises as a cubic, fast while many weights are redundant. With the adversarial objective of the recipe this is robust
fine-tuning of a pruned network; HYDRA (Sehwag et al. 2020, arXiv:2002.10509) shows that knowing the robust loss is what
counts. Two ways in which the choice itself knows the loss:

- `criterion: taylor` ranks by `w**2 E[g**2]`, the mean square of the first-order change of the loss when w goes
  (Molchanov et al. 2019, Importance estimation for neural network pruning, arXiv:1906.10771, section 3). E[g**2] of
  the training loss, attacked images and all, is Adam's second moment.
- `regrow` lets weights return where the loss has the steepest gradient (RigL: Evci et al. 2020, arXiv:1911.11134; for
  adversarial training, Flying Bird: Chen et al. 2022, Sparsity winning twice, arXiv:2202.09844).
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from meddef_core.pruning.budgets import layer_zeros
from meddef_core.pruning.masks import Masks, apply_masks, choose, prunable, zeros_of
from meddef_core.pruning.settings import PruningSettings


class Pruner:
    """Masks of one run. After each step the network, its average and the optimizer's moments are zero outside them."""

    def __init__(
        self,
        settings: PruningSettings,
        *,
        network: nn.Module,
        average: nn.Module,
        optimizer: torch.optim.Optimizer,
        total: int,
    ) -> None:
        """Start a run of `total` steps; a constant schedule that starts at 0 prunes here, before the first step.

        The criterion taylor needs `optimizer` to be Adam or AdamW.
        """
        self.settings = settings
        self.network, self.average, self.optimizer = network, average, optimizer
        self.weights = prunable(network)
        self.masks: Masks = {name: torch.ones_like(w, dtype=torch.bool) for name, w in self.weights.items()}
        self.last = math.ceil(settings.end * total)
        self.first = min(math.ceil(settings.start * total), self.last - 1)
        self.after_step(0)

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        """To call when optimizer and average have made `step` steps; gradients of the last one still stand."""
        self._apply()
        due = (step - self.first) % self.settings.every == 0 or step == self.last
        if self.first <= step <= self.last and due:
            self.masks = self._masks_at((step - self.first) / (self.last - self.first))
            self._apply()

    def state_dict(self) -> dict[str, Tensor]:
        """The masks by the weights' names, for a run's state: a weight that just returned is still zero."""
        return dict(self.masks)

    def load_state_dict(self, masks: Mapping[str, Tensor]) -> None:
        """Go on with the masks of an interrupted run."""
        self.masks = {name: masks[name].to(weight.device) for name, weight in self.weights.items()}

    def _masks_at(self, share: float) -> Masks:
        """Masks when `share` of the time between start and end is over."""
        sparsity = self.settings.sparsity
        size = sum(weight.numel() for weight in self.weights.values())
        zeros = zeros_of(cubic(share, sparsity=sparsity) if self.settings.schedule == "cubic" else sparsity, size=size)
        if zeros == 0:
            return self.masks
        scores = self._scores()
        exchanged = int(self.settings.regrow * 0.5 * (1 + math.cos(math.pi * share)) * (size - zeros))
        if not exchanged or all(weight.grad is None for weight in self.weights.values()):
            return choose(scores, self._budget(zeros))
        shrunk = choose(scores, self._budget(zeros + exchanged))
        return choose({name: self._growth(name, kept) for name, kept in shrunk.items()}, self._budget(zeros))

    def _budget(self, zeros: int) -> int | dict[str, int]:
        """`zeros` over the whole network, or so many in each layer."""
        if self.settings.layerwise == "global":
            return zeros
        shapes = {name: weight.shape for name, weight in self.weights.items()}
        return layer_zeros(shapes, zeros, layerwise=self.settings.layerwise)

    def _scores(self) -> dict[str, Tensor]:
        if self.settings.criterion == "magnitude":
            return {name: weight.abs() for name, weight in self.weights.items()}
        return {
            name: weight.abs() * self._state_of(weight)["exp_avg_sq"].sqrt() for name, weight in self.weights.items()
        }

    def _growth(self, name: str, kept: Tensor) -> Tensor:
        """Scores that keep what is kept and rank the rest by the size of its gradient."""
        gradient = self.weights[name].grad
        sizes = torch.zeros_like(self.weights[name]) if gradient is None else gradient.abs()
        return sizes.masked_fill(kept, math.inf)

    def _apply(self) -> None:
        apply_masks(self.network, self.masks)
        apply_masks(self.average, self.masks)
        # A weight that returns begins with fresh moments.
        for name, weight in self.weights.items():
            for moment in self._state_of(weight).values():
                if isinstance(moment, Tensor) and moment.shape == weight.shape:
                    moment.masked_fill_(~self.masks[name], 0)

    def _state_of(self, weight: Tensor) -> dict[str, Any]:
        """What the optimizer keeps of a weight; nothing before its first step."""
        found: dict[str, Any] = self.optimizer.state.get(weight, {})
        return found


def cubic(share: float, *, sparsity: float) -> float:
    """Sparsity when `share` of the ramp is over: `sparsity * (1 - (1 - share)**3)` (Zhu and Gupta 2017, section 3)."""
    return sparsity * (1 - (1 - min(share, 1.0)) ** 3)
