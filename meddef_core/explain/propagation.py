"""How a change of the image grows or shrinks on its way through a network: relative feature change at each stage."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from meddef_core.errors import MedDefError
from meddef_core.explain.grad_cam import private_view
from meddef_core.explain.registry import check_one
from meddef_core.model import MedDef

TITLES = {
    "input": "Input",
    "stage1": "Stage 1",
    "stage2": "Stage 2",
    "stage3": "Stage 3",
    "backbone": "Backbone B",
    "defence": "Defence D",
    "attention": "Self-attention A",
    "logits": "Logits",
}
"""Stages in the order of the pipeline."""


@dataclass(frozen=True)
class StageChange:
    """What a change of the image has become behind one stage: the L2 norm of the difference over that of the clean."""

    key: str
    title: str
    change: float
    """At least 0; infinite where something comes of nothing."""


def propagation(network: MedDef, clean: Tensor, changed: Tensor) -> tuple[StageChange, ...]:
    """Relative change ||f(x') - f(x)|| / ||f(x)|| at each stage f that the network has, from the input to the logits.

    `clean` x and `changed` x' are `(1, C, H, W)` in [0, 1]. Each image takes one forward pass. Liao et al. 2018,
    Defense against Adversarial Attacks Using High-Level Representation Guided Denoiser, arXiv:1712.02976, follow a
    perturbation through the layers so, in the L1 norm. Raises MedDefError for images that do not belong together.
    """
    if clean.shape != changed.shape:
        raise MedDefError(f"Images of {tuple(clean.shape)} and {tuple(changed.shape)} do not compare; give one size.")
    check_one(network, clean)
    view = private_view(network)
    before, after = _stages(view, clean), _stages(view, changed)
    return tuple(
        StageChange(key, title, _relative(before[key], after[key])) for key, title in TITLES.items() if key in before
    )


def _stages(view: MedDef, image: Tensor) -> dict[str, Tensor]:
    """What each stage gives on, by its key, from one forward pass of a private view."""
    found = {"input": image}

    def keeping(key: str) -> Callable[[nn.Module, object, Tensor], None]:
        def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            found[key] = output

        return keep

    # The trace starts at B's end; what lies before it has to be caught on the way.
    hooks = [module.register_forward_hook(keeping(key)) for key, module in view.layers().items() if key in TITLES]
    with torch.no_grad():
        trace = view.trace(image)
    for hook in hooks:
        hook.remove()
    found |= {"backbone": trace.features, "logits": trace.logits}
    if view.config.has_daam:
        found["defence"] = trace.defended
    if trace.attended is not None:
        found["attention"] = trace.attended
    return found


def _relative(before: Tensor, after: Tensor) -> float:
    difference = float(torch.linalg.vector_norm((after - before).double()))
    size = float(torch.linalg.vector_norm(before.double()))
    if difference == 0:
        return 0.0
    return difference / size if size else math.inf
