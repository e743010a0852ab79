"""Grad-CAM at every layer from one pass forward and back, shallow to deep: where the evidence gathers."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from meddef_core.explanation.explainer import to_map
from meddef_core.explanation.maps import ExplanationMap, MapInfo
from meddef_core.explanation.methods.grad_cam import private_view
from meddef_core.explanation.registry import check_request
from meddef_core.model import MedDef
from meddef_core.text import Text


def grad_cam_layers(network: MedDef, image: Tensor, *, target: int) -> dict[str, ExplanationMap]:
    """Grad-CAM of one class's logit at every layer of `network.layers()`, by its name, shallow to deep.

    `image` is `(1, C, H, W)` in [0, 1]. Each map is that of `gradcam` at its layer, on the layer's own grid. Kinds
    differ by layer, because values of different layers do not compare. Raises MedDefError as `explain` does.
    """
    check_request(network, image, target=target)
    view = private_view(network)
    layers = view.layers()
    outputs: dict[str, Tensor] = {}
    for name, module in layers.items():
        module.register_forward_hook(_keeping(outputs, name))
    # Out of the caller's inference or no-grad mode, if any: either would forbid the graph.
    with torch.inference_mode(False), torch.enable_grad():
        pixels = image.detach().clone().requires_grad_()
        score = view(pixels)[0, target]
        gradients = torch.autograd.grad(score, [outputs[name] for name in layers])
    return {
        name: to_map(_info(name), torch.relu((slope[0].mean(dim=(1, 2), keepdim=True) * outputs[name][0]).sum(dim=0)))
        for name, slope in zip(layers, gradients, strict=True)
    }


def _keeping(outputs: dict[str, Tensor], name: str) -> Callable[[nn.Module, object, Tensor], None]:
    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        outputs[name] = output

    return keep


def _info(layer: str) -> MapInfo:
    return MapInfo(
        key=f"gradcam_{layer}",
        title=f"Grad-CAM, {layer}",
        meaning=Text(
            "map.regions-whose",
            "Regions whose features at this layer raised the score of the explained class; brighter is more.",
        ),
        signed=False,
        bounded=None,
    )
