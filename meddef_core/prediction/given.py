"""A model of the zoo or anybody's own module, with a scan or images: what the library's functions are given."""

from torch import Tensor, nn

from meddef_core.errors import DataError, ModelError
from meddef_core.prediction.prediction import prepare
from meddef_core.scans import Scan
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel

Model = LoadedModel | nn.Module
"""A model of the zoo, or anybody's classifier of images in [0, 1] that returns logits."""


def network_of(model: Model) -> nn.Module:
    """The torch module."""
    return model.network if isinstance(model, LoadedModel) else model


def images_for(model: Model, scan: Scan | Tensor) -> Tensor:
    """`(B, C, H, W)`: a scan as the model's card has it prepared; ModelError for a scan and a model without a card."""
    if isinstance(scan, Tensor):
        return scan
    if not isinstance(model, LoadedModel):
        raise ModelError(
            Text(
                "prediction.own-model-images",
                "How a scan is prepared stands on a model's card; give a model of your own images instead.",
            )
        )
    return prepare(model, scan)


def class_index(model: Model, label: str | int) -> int:
    """Class number of a name or a number; DataError for a name that the model does not know."""
    if isinstance(label, int):
        return label
    if not isinstance(model, LoadedModel):
        raise DataError(
            Text(
                "prediction.own-model-classes",
                "A model of your own has no class names; give the number of {label} instead.",
                label=repr(label),
            )
        )
    return model.task.index(label)
