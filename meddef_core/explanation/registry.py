"""Every explainer by its key, and the function that runs them on one reading."""

from collections.abc import Collection

from torch import Tensor, nn

from meddef_core.errors import MedDefError
from meddef_core.explanation.explainer import Explainer, ExplanationSubject
from meddef_core.explanation.maps import ExplanationMap
from meddef_core.explanation.methods.grad_cam import DEFAULT_LAYER
from meddef_core.model import MedDef
from meddef_core.registry import collected
from meddef_core.text import Text

EXPLAINERS: dict[str, Explainer] = collected(
    "meddef_core.explanation.methods", "EXPLAINERS", key=lambda explainer: str(explainer.info.key)
)
"""In the order a page shows them: views of a class's score first, then the network's own modules along the pipeline."""


def available(network: nn.Module) -> tuple[str, ...]:
    """Keys of the maps this network can give, costly ones too, in registry order; none for anything but a MedDef."""
    if not isinstance(network, MedDef):
        return ()
    return tuple(key for key, explainer in EXPLAINERS.items() if explainer.applies(network.config))


def explain(
    network: nn.Module,
    image: Tensor,
    *,
    target: int,
    only: Collection[str] | None = None,
    layer: str = DEFAULT_LAYER,
) -> dict[str, ExplanationMap]:
    """Maps for one reading, by key, in registry order.

    `image` is `(1, C, H, W)` in [0, 1] on the network's device, `target` the class whose score is explained, by
    Grad-CAM at `layer`. `only` picks maps; None gives every one the network has that is not costly. A map that the
    network lacks is left out, so that models can be asked alike; a MedDef behind a baseline's wrapper has none. The
    network must be in eval mode; it is left exactly as found, and several threads may explain with it at once. Raises
    MedDefError for an unknown map, layer or target.
    """
    unknown = [key for key in only or () if key not in EXPLAINERS]
    if unknown:
        raise MedDefError(
            Text(
                "map.there-no",
                "There is no map {unknown}; choose from {known}.",
                unknown=repr(unknown[0]),
                known=", ".join(EXPLAINERS),
            )
        )
    if not isinstance(network, MedDef):
        return {}
    check_request(network, image, target=target)
    subject = ExplanationSubject(network=network, image=image, target=target, layer=layer)
    chosen = [key for key in available(network) if (not EXPLAINERS[key].costly if only is None else key in only)]
    return {key: EXPLAINERS[key](subject) for key in chosen}


def check_request(network: MedDef, image: Tensor, *, target: int) -> None:
    """Raise MedDefError unless `network` can explain class `target` of `image`."""
    if not 0 <= target < network.config.classes:
        last = network.config.classes - 1
        raise MedDefError(
            Text(
                "map.class-target",
                "Class {target} cannot be explained; this model has classes 0 to {last}.",
                target=target,
                last=last,
            )
        )
    check_one(network, image)


def check_one(network: MedDef, image: Tensor) -> None:
    """Raise MedDefError unless `image` is one image and `network` in eval mode."""
    if image.ndim != 4 or image.shape[0] != 1:
        raise MedDefError(
            Text(
                "map.one-image",
                "One image of shape (1, C, H, W) can be explained at a time, not {shape}.",
                shape=tuple(image.shape),
            )
        )
    if network.training:
        raise MedDefError(
            Text("map.eval-mode", "Only a model in eval mode can be explained; call eval() on your own copy first.")
        )
