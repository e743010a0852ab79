"""What somebody's own model raised, in words, and what to do where its weights are the reason."""

import torch
from torch import nn


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
            return f"its weight {name!r} holds no values (device meta): load the weights before the model is returned"
        if value.device.type != "cpu":
            return f"its weight {name!r} is on {value.device} and the images on the CPU: return model.cpu()"
    for name, value in values:
        if value.is_floating_point() and value.dtype != torch.float32:
            dtype = str(value.dtype).removeprefix("torch.")
            return f"its weight {name!r} is {dtype} and the images are float32: return model.float()"
    return None
