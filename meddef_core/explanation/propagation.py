"""How a change of the image grows or shrinks on its way through a network: relative feature change at each stage."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from meddef_core.errors import MedDefError
from meddef_core.explanation.methods.grad_cam import private_view
from meddef_core.explanation.registry import check_one
from meddef_core.model import MedDef
from meddef_core.model.backbone import STAGES
from meddef_core.text import Text

TITLES = {
    "input": Text("map.input", "Input"),
    "stage1": Text("map.stage-1", "Stage 1"),
    "stage2": Text("attention.stage-2-2", "Stage 2"),
    "stage3": Text("attention.stage-3-2", "Stage 3"),
    "backbone": Text("map.backbone-b", "Backbone B"),
    "defence": Text("map.defence-d", "Defence D"),
    "attention": Text("map.self-attention-2", "Self-attention A"),
    "logits": Text("map.logits", "Logits"),
}
"""Stages in the order of the paper's pipeline; a defence before the backbone's end stands there instead."""


@dataclass(frozen=True)
class StageChange:
    """What a change of the image has become behind one stage: the L2 norm of the difference over that of the clean."""

    key: str
    title: str
    change: float
    """At least 0; infinite where something comes of nothing."""


def propagation(network: MedDef, clean: Tensor, changed: Tensor) -> tuple[StageChange, ...]:
    """Relative change ||f(x') - f(x)|| / ||f(x)|| at each stage f that the network has, in the order it passes them.

    `clean` x and `changed` x' are `(1, C, H, W)` in [0, 1]. Each image takes one forward pass. Liao et al. 2018,
    Defense against Adversarial Attacks Using High-Level Representation Guided Denoiser, arXiv:1712.02976, follow a
    perturbation through the layers so, in the L1 norm. Raises MedDefError for images that do not belong together.
    """
    if clean.shape != changed.shape:
        raise MedDefError(
            Text(
                "map.images-sizes",
                "Images of {one} and {other} do not compare; give one size.",
                one=tuple(clean.shape),
                other=tuple(changed.shape),
            )
        )
    check_one(network, clean)
    view = private_view(network)
    before, after = _stages(view, clean), _stages(view, changed)
    return tuple(StageChange(key, TITLES[key], _relative(before[key], after[key])) for key in before)


def _stages(view: MedDef, image: Tensor) -> dict[str, Tensor]:
    """What each stage gives on, by its key in the order of the pipeline, from one forward pass of a private view."""
    found = {"input": image}

    def keeping(key: str) -> Callable[[nn.Module, object, object], None]:
        def keep(_module: nn.Module, _inputs: object, output: object) -> None:
            found[key] = output[0] if isinstance(output, tuple) else cast("Tensor", output)

        return keep

    # Hooks, because the trace tells only of the stages around D.
    hooks = [module.register_forward_hook(keeping(key)) for key, module in _modules(view)]
    with torch.no_grad():
        found["logits"] = view(image)
    for hook in hooks:
        hook.remove()
    return found


def _modules(view: MedDef) -> Iterator[tuple[str, nn.Module]]:
    for stage in range(1, STAGES):
        yield f"stage{stage}", view.backbone.get_submodule(f"stage{stage}")
    yield "backbone", view.backbone.get_submodule(f"stage{STAGES}")
    if view.daam is not None:
        yield "defence", view.daam
    if view.attention is not None:
        yield "attention", view.attention


def _relative(before: Tensor, after: Tensor) -> float:
    difference = float(torch.linalg.vector_norm((after - before).double()))
    size = float(torch.linalg.vector_norm(before.double()))
    if difference == 0:
        return 0.0
    return difference / size if size else math.inf
