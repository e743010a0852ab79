"""Everything one run works on, put together and checked before the first step."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch import nn

from meddef_core.data.images import Images, load_images
from meddef_core.data.lists import Lists, build_lists
from meddef_core.errors import DataError, RecipeError
from meddef_core.model import MedDef
from meddef_core.pruning.pruner import Pruner
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.tasks import get_task
from meddef_core.text import Text
from meddef_core.training.losses import LossSettings
from meddef_core.training.recipe import Recipe
from meddef_core.training.scanner import WIDE
from meddef_core.training.settings import OptimizerSettings
from meddef_core.training.sharing import BatchShare, share_randomness_and_statistics
from meddef_core.training.start import load_init, load_teacher
from meddef_core.training.state import Progress


@dataclass
class TrainingRun:
    """A recipe at work in one process."""

    recipe: Recipe
    fabric: Fabric
    network: _FabricModule
    average: MedDef
    optimizer: torch.optim.Optimizer
    train: Images
    val: Images
    loss: LossSettings
    share: BatchShare
    teacher: nn.Module | None = None
    progress: Progress = field(default_factory=Progress)
    pruner: Pruner | None = None

    @property
    def steps_per_epoch(self) -> int:
        return len(self.train) // self.recipe.batch

    @property
    def total(self) -> int:
        return self.recipe.epochs * self.steps_per_epoch

    @property
    def inner(self) -> nn.Module:
        """The network without the wrapper that synchronises gradients."""
        module: nn.Module = self.network.module
        return module

    @property
    def pieces(self) -> dict[str, Any]:
        """What a saved state holds besides the progress and the recipe."""
        whole = {"network": self.network, "average": self.average, "optimizer": self.optimizer}
        return whole if self.pruner is None else whole | {"pruner": self.pruner}


def check_lists(recipe: Recipe, data_dir: Path, *, processes: int = 1) -> Lists:
    """The lists a recipe trains on.

    Raises DataError if scans are missing or a patient stands on two lists, RecipeError if the recipe's numbers do not
    go with them.
    """
    task = get_task(recipe.task)
    lists = build_lists(task, data_dir, protocol=recipe.protocol)
    for part in ("train", "val"):
        found = {item.label for item in lists.part(part)}
        missing = [name for name in task.classes if task.index(name) not in found]
        if missing:
            raise DataError(
                Text(
                    "training.classes-without-scans",
                    "The {part} list of {task} has no scans of {classes}; complete the data.",
                    part=part,
                    task=task.key,
                    classes=", ".join(missing),
                )
            )
    if recipe.batch > len(lists.train):
        raise RecipeError(
            Text(
                "training.batch-too-large",
                "A batch of {batch} is more than the {scans} training scans; lower batch.",
                batch=recipe.batch,
                scans=len(lists.train),
            )
        )
    if recipe.batch % processes or recipe.batch < 2 * processes:
        raise RecipeError(
            Text(
                "training.batch-uneven",
                "A batch of {batch} cannot be divided evenly among {processes} processes.",
                batch=recipe.batch,
                processes=processes,
            )
        )
    objective = recipe.objective
    if objective.kind in ("n_fgsm", "pgd", "trades") and objective.eps == 0:
        raise RecipeError(
            Text(
                "training.epsilon-zero",
                "The objective {kind} attacks with epsilon 0; set objective.eps, to 8/255 say.",
                kind=objective.kind,
            )
        )
    return lists


def prepare(
    recipe: Recipe, fabric: Fabric, lists: Lists, *, data_dir: Path, fresh: bool
) -> tuple[TrainingRun, list[str]]:
    """The run at its start, and sentences on how it started; `fresh` unless it goes on from a saved state."""
    task = get_task(recipe.task)
    images = {
        part: load_images(lists, part, preprocessing=preprocessing, data_dir=data_dir)
        for part, preprocessing in preprocessing_of(recipe).items()
    }
    share = BatchShare(fabric.global_rank, fabric.world_size)
    torch.manual_seed(recipe.seed)
    network = MedDef(recipe.model_config_of_task())
    start = load_init(network, recipe.init) if fresh and recipe.init is not None else None
    share_randomness_and_statistics(network, share, size=recipe.batch // share.count)
    network = network.to(memory_format=memory_format_of(network))
    average = copy.deepcopy(network).eval().requires_grad_(False).to(fabric.device)
    wrapped, optimizer = fabric.setup(network, make_optimizer(network, recipe.optimizer))
    counts = torch.bincount(images["train"].labels, minlength=len(task.classes)).float()
    weights = counts.sum() / (len(counts) * counts) if recipe.objective.class_weights else torch.ones_like(counts)
    loss = LossSettings(class_weights=weights.to(fabric.device), label_smoothing=recipe.objective.label_smoothing)
    teacher = None
    if recipe.objective.kind == "distill":
        teacher = load_teacher(recipe.objective.teacher, task=task.key).to(fabric.device)
    run = TrainingRun(recipe, fabric, wrapped, average, optimizer, images["train"], images["val"], loss, share, teacher)
    if start is not None:
        run.progress.init_sha256 = start.sha256
    if recipe.pruning is not None:
        run.pruner = Pruner(recipe.pruning, network=run.inner, average=average, optimizer=optimizer, total=run.total)
    return run, [] if start is None else [start.sentence]


def memory_format_of(network: nn.Module) -> torch.memory_format:
    """Channels last, which is faster, where every 1x1 convolution reads a multiple of 8 channels.

    From others oneDNN 3.12 (torch 2.14) writes past the gradient of their weights on processors with AVX2 and without
    AVX-512, and the process dies of it sooner or later.
    """
    narrow = (
        isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.in_channels % 8
        for module in network.modules()
    )
    return torch.contiguous_format if any(narrow) else torch.channels_last


def preprocessing_of(recipe: Recipe) -> dict[str, Preprocessing]:
    """How the scans of each list are prepared: wider for training where windows are cut out of them."""
    plain = recipe.preprocessing_of_task()
    wide = recipe.scanner is not None and recipe.scanner.windows > 0
    return {"train": replace(plain, width=WIDE * plain.size) if wide else plain, "val": plain}


def make_optimizer(network: nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """Weight decay acts on matrices and kernels only: shrinking biases and batch-norm scales helps nothing."""
    parameters = list(network.parameters())
    groups: Sequence[dict[str, Any]] = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.kind == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=0.9, nesterov=True)
    kind = torch.optim.AdamW if settings.kind == "adamw" else torch.optim.Adam
    return kind(groups, lr=settings.lr)
