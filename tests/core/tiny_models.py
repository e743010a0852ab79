"""Small untrained models in a folder, saved as real ones are: tests of the path around a model need no good one."""

from pathlib import Path
from typing import Any

import torch

from meddef_core.model import VARIANTS, MedDef, MedDefConfig
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.tasks import get_task
from meddef_core.zoo import Card, save_model


def save_tiny_model(
    root: Path,
    key: str,
    *,
    variant: str = "full",
    seed: int = 0,
    training: dict[str, Any] | None = None,
    preprocessing: Preprocessing | None = None,
    shape: dict[str, Any] | None = None,
) -> Card:
    """Write a width-8 model as `root/<task>/<name>`; `shape` are other settings of its network."""
    task_key, name = key.split("/")
    task = get_task(task_key)
    usual: dict[str, Any] = {"width": 8, "pool": 2, "activation": "silu", "mean": task.mean, "std": task.std}
    config = MedDefConfig(classes=len(task.classes), **(usual | VARIANTS[variant] | (shape or {})))
    torch.manual_seed(seed)
    network = MedDef(config)
    return save_model(
        root / key,
        network.state_dict(),
        task=task,
        name=name,
        title=f"Tiny {name}",
        summary="Untrained, for tests.",
        config=config,
        training=training or {},
        data={},
        metrics={},
        preprocessing=preprocessing,
    )
