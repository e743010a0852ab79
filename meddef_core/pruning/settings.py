"""The `pruning` section of a training recipe."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from meddef_core.pruning.budgets import Layerwise
from meddef_core.pruning.masks import MOST_SPARSITY
from meddef_core.text import Text


class PruningSettings(BaseModel):
    """Pruning while training: the network becomes sparse under the recipe's own objective, usually from `init`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    sparsity: float = Field(gt=0, le=MOST_SPARSITY)
    """Share of the weights of convolutions and linear layers that are zero at the end."""
    schedule: Literal["cubic", "constant"] = "cubic"
    """`cubic` removes weights bit by bit between `start` and `end` (Zhu and Gupta 2017); `constant` all at `start`."""
    start: float = Field(0.0, ge=0, lt=1)
    """Share of training before the first weight goes."""
    end: float = Field(0.5, gt=0, le=1)
    """Share of training after which the masks stay as they are."""
    every: int = Field(10, ge=1)
    """Steps between two changes of the masks."""
    criterion: Literal["magnitude", "taylor"] = "magnitude"
    """`magnitude`: |w|. `taylor`: w times the root mean square of the training loss's gradient with respect to it."""
    layerwise: Layerwise = "global"
    """Over the whole network, the same share in every layer, or shares by ERK."""
    regrow: float = Field(0.0, ge=0, lt=1)
    """Share of the kept weights that change place at `start`, falling to none at `end`; 0: a weight gone stays gone."""

    @model_validator(mode="after")
    def _order(self) -> "PruningSettings":
        if self.end <= self.start:
            raise ValueError(Text("pruning.end-after-start", "end must lie after start"))
        if self.criterion == "taylor" and self.schedule == "constant" and self.start == 0:
            raise ValueError(Text("pruning.taylor-needs-gradients", "taylor needs gradients first; set start above 0"))
        return self
