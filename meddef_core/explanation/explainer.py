"""What an explainer is: metadata, which networks it applies to, and a function of one subject."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from meddef_core.explanation.maps import ExplanationMap, MapInfo
from meddef_core.model import MedDef, MedDefConfig, Trace


@dataclass(frozen=True, kw_only=True)
class ExplanationSubject:
    """One reading to explain: `image` is `(1, C, H, W)` in [0, 1], `target` the class whose logit is explained."""

    network: MedDef
    image: Tensor
    target: int
    layer: str

    @cached_property
    def trace(self) -> Trace:
        """The one forward pass that every map of the network's own modules is read from."""
        with torch.no_grad():
            return self.network.trace(self.image)


@dataclass(frozen=True, kw_only=True)
class Explainer:
    """One kind of map. `compute` returns the raw grid `(h, w)`; `applies` says which networks have it.

    A `costly` map asks the network many times and takes seconds: it is computed only when it is named.
    """

    info: MapInfo
    citation: str
    applies: Callable[[MedDefConfig], bool]
    compute: Callable[[ExplanationSubject], Tensor]
    costly: bool = False

    def __call__(self, subject: ExplanationSubject) -> ExplanationMap:
        return to_map(self.info, self.compute(subject))


def to_map(info: MapInfo, grid: Tensor) -> ExplanationMap:
    """A tensor `(h, w)` on any device as an ExplanationMap that owns its memory."""
    return ExplanationMap(info, grid.detach().float().cpu().numpy().copy())
