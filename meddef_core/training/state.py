"""A run's state on disk: one safetensors file, written beside and renamed, so that no interruption halves it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from meddef_core.errors import RecipeError
from meddef_core.files import replacing


@dataclass
class Progress:
    """How far a run has come."""

    step: int = 0
    best_step: int = -1
    best_score: float = -1.0
    """Balanced accuracy on validation patients, under attack where the recipe trains against one."""


def save_state(
    path: Path, *, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer,
    progress: Progress, recipe: dict[str, Any],
) -> None:
    """Write everything a run needs to go on as if it had never stopped."""
    tensors: dict[str, Tensor] = {}
    for prefix, module in (("network", network), ("average", average)):
        tensors |= {f"{prefix}/{key}": value for key, value in module.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": value for key, value in values.items()}
    write_tensors(path, tensors, {"progress": json.dumps(asdict(progress)), "recipe": _canonical(recipe)})


def load_state(
    path: Path, *, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, recipe: dict[str, Any]
) -> Progress:
    """Restore what `save_state` wrote; raises RecipeError if it belongs to another recipe or is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError as error:
        raise RecipeError(f"The run state {path} is damaged; remove it to start again.") from error
    if metadata["recipe"] != _canonical(recipe):
        raise RecipeError(f"The folder {path.parent} holds a run of another recipe; choose another run folder.")
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimizer": {}}
    for key, value in tensors.items():
        prefix, _, rest = key.partition("/")
        parts[prefix][rest] = value
    network.load_state_dict(parts["network"])
    average.load_state_dict(parts["average"])
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in parts["optimizer"].items():
        index, _, name = key.partition("/")
        moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(**json.loads(metadata["progress"]))


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file whole or not at all."""
    with replacing(path) as beside:
        save_file({key: value.detach().contiguous().cpu() for key, value in tensors.items()}, beside, metadata=metadata)


def _canonical(recipe: dict[str, Any]) -> str:
    return json.dumps(recipe, sort_keys=True)
