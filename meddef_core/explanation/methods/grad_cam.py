"""Grad-CAM (Selvaraju et al. 2017) by captum, on a private view of the shared network."""

import copy

import torch
from torch import Tensor

from meddef_core.errors import MedDefError
from meddef_core.explanation.explainer import Explainer, ExplanationSubject
from meddef_core.explanation.maps import MapInfo
from meddef_core.model import MedDef
from meddef_core.text import Text

DEFAULT_LAYER = "stage4"
"""The backbone's last stage: the deepest layer that every variant has, so the undefended and the defended model are
explained at the same place. In a model with DAAM, "phi" shows only what the defence adds."""


def private_view(network: MedDef) -> MedDef:
    """A second module tree over the same parameter and buffer tensors; costs milliseconds and no weight memory.

    captum registers hooks while it runs. On the view they are seen by no other thread, and an error leaves nothing
    behind on the shared network.
    """
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, memo=shared)


def gradcam(network: MedDef, image: Tensor, *, target: int, layer: str = DEFAULT_LAYER) -> Tensor:
    """Grad-CAM of one class's logit, negative evidence cut off: `(1, C, H, W)` in [0, 1] to `(h, w)`, at least 0.

    `layer` is a name from `network.layers()`; any other raises MedDefError.
    """
    # captum brings matplotlib: seconds that the first reading would wait for, and only maps need it.
    from captum.attr import LayerGradCam

    view = private_view(network)
    layers = view.layers()
    if layer not in layers:
        raise MedDefError(
            Text(
                "map.model-no",
                "This model has no layer {layer}; choose one of {known}.",
                layer=repr(layer),
                known=", ".join(layers),
            )
        )
    # Out of the caller's inference mode, if any: it would forbid the graph.
    with torch.inference_mode(False):
        # The parameters are frozen, so the graph has to start at the image; a copy, to leave the caller's as it is.
        pixels = image.detach().clone().requires_grad_()
        attribution = LayerGradCam(view, layers[layer]).attribute(pixels, target=target, relu_attributions=True)
    assert isinstance(attribution, Tensor)
    return attribution[0, 0].detach()


def _compute(subject: ExplanationSubject) -> Tensor:
    return gradcam(subject.network, subject.image, target=subject.target, layer=subject.layer)


ORDER = 10
EXPLAINERS = (
    Explainer(
        info=MapInfo(
            key="gradcam",
            title=Text("attention.grad-cam", "Grad-CAM"),
            meaning=Text(
                "map.regions-whose-features",
                "Regions whose features raised the score of the explained class; brighter raised it more.",
            ),
            signed=False,
            bounded=None,
        ),
        citation="Selvaraju et al., Grad-CAM, ICCV 2017, doi:10.1109/ICCV.2017.74",
        applies=lambda config: True,
        compute=_compute,
    ),
)
