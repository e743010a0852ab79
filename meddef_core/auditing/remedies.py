"""What somebody's own model raised, in words, and what to do where its weights are the reason."""

import torch
from torch import nn

from meddef_core.text import Text


def words_of(error: BaseException) -> str:
    """An exception's type and the first line of its message, as part of a sentence."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def weights_remedy(model: nn.Module) -> str | None:
    """What to do with weights that cannot meet float32 images on the CPU, as the end of a sentence; None if they can.

    For a model that failed: one that converts its input itself may keep its weights as they are.
    """
    values = [*model.named_parameters(), *model.named_buffers()]
    for name, value in values:
        if value.device.type == "meta":
            return Text(
                "audit.weight-meta",
                "its weight {name} holds no values (device meta): load the weights before the model is returned",
                name=repr(name),
            )
        if value.device.type != "cpu":
            return Text(
                "audit.weight-device",
                "its weight {name} is on {device} and the images on the CPU: return model.cpu()",
                name=repr(name),
                device=value.device,
            )
    for name, value in values:
        if value.is_floating_point() and value.dtype != torch.float32:
            dtype = str(value.dtype).removeprefix("torch.")
            return Text(
                "audit.weight-type",
                "its weight {name} is {dtype} and the images are float32: return model.float()",
                name=repr(name),
                dtype=dtype,
            )
    return None
