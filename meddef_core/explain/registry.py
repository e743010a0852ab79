"""Every explainer by its key, and the function that runs them on one reading."""

from collections.abc import Sequence

from torch import Tensor, nn

from meddef_core.errors import MedDefError
from meddef_core.explain import daam, grad_cam
from meddef_core.explain.explainer import Explainer, Subject
from meddef_core.explain.maps import ExplanationMap
from meddef_core.model import MedDef

EXPLAINERS: dict[str, Explainer] = {e.info.key: e for e in (*grad_cam.EXPLAINERS, *daam.EXPLAINERS)}
"""In the order a page shows them: the gradient's view first, then the network's own modules along the pipeline."""


def available(network: nn.Module) -> tuple[str, ...]:
    """Keys of the maps this network can give, in registry order; none for anything but a MedDef."""
    if not isinstance(network, MedDef):
        return ()
    return tuple(key for key, explainer in EXPLAINERS.items() if explainer.applies(network.config))


def explain(
    network: nn.Module,
    image: Tensor,
    *,
    target: int,
    methods: Sequence[str] | None = None,
    layer: str = grad_cam.DEFAULT_LAYER,
) -> dict[str, ExplanationMap]:
    """Maps for one reading, by key, in registry order.

    `image` is `(1, C, H, W)` in [0, 1] on the network's device, `target` the class whose score Grad-CAM explains at
    `layer`. `methods` picks maps; None gives every one the network has, and a method that the network lacks is left
    out, so that models can be asked alike; a MedDef behind a baseline's wrapper has none. The network must be in eval
    mode; it is left exactly as found, and several threads may explain with it at once. Raises MedDefError for an
    unknown method, layer or target.
    """
    unknown = [key for key in methods or () if key not in EXPLAINERS]
    if unknown:
        raise MedDefError(f"There is no map {unknown[0]!r}; choose from {', '.join(EXPLAINERS)}.")
    if not isinstance(network, MedDef):
        return {}
    if not 0 <= target < network.config.classes:
        last = network.config.classes - 1
        raise MedDefError(f"Class {target} cannot be explained; this model has classes 0 to {last}.")
    if image.ndim != 4 or image.shape[0] != 1:
        raise MedDefError(f"One image of shape (1, C, H, W) can be explained at a time, not {tuple(image.shape)}.")
    if network.training:
        raise MedDefError("Only a model in eval mode can be explained; call eval() on your own copy first.")
    subject = Subject(network=network, image=image, target=target, layer=layer)
    chosen = [key for key in available(network) if methods is None or key in methods]
    return {key: EXPLAINERS[key](subject) for key in chosen}
