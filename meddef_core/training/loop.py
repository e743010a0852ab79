"""The training loop: resumable to the step, one JSON line a step, best weights by validation patients.

All randomness of a step comes from `(seed, step)`, so a run that was killed and resumed takes the same steps as one
that was not.
"""

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from safetensors.torch import load_file
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec
from meddef_core.data.images import Images, load_images
from meddef_core.data.lists import build_lists
from meddef_core.data.tasks import get_task
from meddef_core.errors import RecipeError
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.metrics import balanced_accuracy
from meddef_core.model import MedDef
from meddef_core.training.objectives import LossSettings, objective_loss
from meddef_core.training.recipe import Recipe
from meddef_core.training.schedules import ema_decay, epsilon_ramp, one_cycle
from meddef_core.training.state import Progress, load_state, save_state, write_tensors

SAVE_EVERY_SECONDS = 60.0
"""How much work an interrupted run may lose."""


class StepReport(NamedTuple):
    """What `on_progress` is told after each step."""

    step: int
    total: int
    epoch: int
    loss: float
    lr: float
    eps: float
    images_per_second: float
    score: float | None
    """Validation score, on the steps that measured one."""


@dataclass(frozen=True)
class TrainResult:
    """Where a finished run lies and how good its chosen weights are on validation patients."""

    run_dir: Path
    steps: int
    best_step: int
    best_score: float
    seconds: float


@dataclass
class _Run:
    """Everything one run works on."""

    recipe: Recipe
    fabric: Fabric
    network: _FabricModule
    average: MedDef
    optimizer: torch.optim.Optimizer
    train: Images
    val: Images
    loss: LossSettings
    progress: Progress

    @property
    def steps_per_epoch(self) -> int:
        return max(1, len(self.train) // self.recipe.batch)

    @property
    def total(self) -> int:
        return self.recipe.epochs * self.steps_per_epoch


def train(
    recipe: Recipe, *, data_dir: Path, run_dir: Path, on_progress: Callable[[StepReport], None] | None = None
) -> TrainResult:
    """Train, or go on training, the recipe's network in `run_dir`.

    The folder then holds `recipe.json`, `log.jsonl`, `state.safetensors` (to resume) and `best.safetensors`
    (averaged weights, fp32). Raises DataError or RecipeError before the first step.
    """
    started = time.monotonic()
    run_dir.mkdir(parents=True, exist_ok=True)
    run = _prepare(recipe, data_dir)
    state, settings = run_dir / "state.safetensors", recipe.model_dump(mode="json")
    pieces: dict[str, Any] = {"network": run.network, "average": run.average, "optimizer": run.optimizer}
    if state.exists():
        run.progress = load_state(state, recipe=settings, **pieces)
    (run_dir / "recipe.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    with (run_dir / "log.jsonl").open("a", encoding="utf-8") as log:
        saved = time.monotonic()
        while run.progress.step < run.total:
            report = _advance(run, run_dir, log)
            if on_progress:
                on_progress(report)
            if time.monotonic() - saved > SAVE_EVERY_SECONDS or run.progress.step == run.total:
                save_state(state, progress=run.progress, recipe=settings, **pieces)
                saved = time.monotonic()
    best = run.progress
    return TrainResult(run_dir, run.total, best.best_step, best.best_score, time.monotonic() - started)


def _prepare(recipe: Recipe, data_dir: Path) -> _Run:
    task = get_task(recipe.task)
    lists = build_lists(task, data_dir, protocol=recipe.protocol)
    images = {part: load_images(lists, part, task=task, data_dir=data_dir) for part in ("train", "val")}
    torch.manual_seed(recipe.seed)
    fabric = Fabric(accelerator="auto", devices=1, precision=recipe.precision)
    network = MedDef(recipe.model_config_of_task())
    if recipe.init is not None:
        _load_init(network, recipe.init)
    network = network.to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).eval().requires_grad_(False).to(fabric.device)
    groups = _weight_decay_groups(network, recipe.optimizer.weight_decay)
    optimizer = torch.optim.AdamW(groups, lr=recipe.optimizer.lr)
    wrapped, wrapped_optimizer = fabric.setup(network, optimizer)
    counts = torch.bincount(images["train"].labels, minlength=len(task.classes)).float()
    loss = LossSettings(
        class_weights=(counts.sum() / (len(counts) * counts)).to(fabric.device),
        label_smoothing=recipe.objective.label_smoothing,
    )
    return _Run(
        recipe, fabric, wrapped, average, wrapped_optimizer, images["train"], images["val"], loss, Progress()
    )


def _load_init(network: MedDef, path: Path) -> None:
    try:
        network.load_state_dict(load_file(path))
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RecipeError(f"The starting weights {path} do not fit this recipe's network: {reason}") from error


def _weight_decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay matrices and kernels only: shrinking biases and batch-norm scales helps nothing."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _advance(run: _Run, run_dir: Path, log: IO[str]) -> StepReport:
    """One step, its log line and, where due, a validation."""
    started = time.monotonic()
    recipe, step = run.recipe, run.progress.step
    epoch, within = divmod(step, run.steps_per_epoch)
    share = step / run.total
    lr = one_cycle(share, peak=recipe.optimizer.lr, warm_up=recipe.optimizer.warm_up)
    eps = epsilon_ramp(share, eps=recipe.objective.eps, warm_up=recipe.objective.eps_warm_up)
    for group in run.optimizer.param_groups:
        group["lr"] = lr
    loss = _step(run, epoch, within, eps=eps)
    _update_average(run.average, run.network, ema_decay(step, decay=recipe.optimizer.ema))
    run.progress.step += 1
    speed = recipe.batch / (time.monotonic() - started)
    score = _validate(run, run_dir) if _validation_due(run) else None
    report = StepReport(run.progress.step, run.total, epoch, loss, lr, eps, speed, score)
    log.write(json.dumps(report._asdict()) + "\n")
    log.flush()
    return report


def _step(run: _Run, epoch: int, within: int, *, eps: float) -> float:
    recipe = run.recipe
    order = torch.randperm(len(run.train), generator=_generator(recipe.seed, epoch, salt=1))
    index = order[within * recipe.batch : (within + 1) * recipe.batch].sort().values.numpy()
    generator = _generator(recipe.seed, run.progress.step, salt=2)
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    x, y = (tensor.to(run.fabric.device) for tensor in run.train.batch(index))
    x = recipe.augmentation(x, generator=generator).to(memory_format=torch.channels_last)
    run.network.train()
    objective = recipe.objective
    with run.fabric.autocast():
        loss = objective_loss(
            objective.kind, run.network, x, y, inner=run.network.module, eps=eps, noise=objective.noise,
            steps=objective.steps, clean_share=objective.clean_share, loss=run.loss, generator=generator,
        )
    if not torch.isfinite(loss):
        raise RecipeError(f"The loss became {float(loss)} at step {run.progress.step}; lower optimizer.lr.")
    run.optimizer.zero_grad()
    run.fabric.backward(loss)
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), recipe.optimizer.clip)
    run.optimizer.step()
    return float(loss.detach())


def _generator(seed: int, number: int, *, salt: int) -> torch.Generator:
    return torch.Generator().manual_seed((seed * 4 + salt) * 2**32 + number)


@torch.no_grad()
def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


def _validation_due(run: _Run) -> bool:
    step, settings = run.progress.step, run.recipe.validation
    if step == run.total:
        return True
    epoch, within = divmod(step, run.steps_per_epoch)
    return within == 0 and epoch % settings.every == 0 and step >= settings.start * run.total


def _validate(run: _Run, run_dir: Path) -> float:
    """Score of the averaged weights; the best so far are written to `best.safetensors`."""
    settings = run.recipe.validation
    spec = AttackSpec(name="pgd", eps=settings.eps, steps=settings.steps, loss="margin", stop_when_fooled=True)
    outcome = attack_images(run.average, run.val, spec if settings.eps else None)
    labels = run.val.labels.numpy()
    score = balanced_accuracy(labels, outcome.predictions, classes=run.average.config.classes)
    if score >= run.progress.best_score:
        run.progress.best_score, run.progress.best_step = score, run.progress.step
        metadata = {"step": str(run.progress.step), "score": str(score), "recipe": run.recipe.model_dump_json()}
        tensors: dict[str, Tensor] = dict(run.average.state_dict())
        write_tensors(run_dir / "best.safetensors", tensors, metadata)
    return score
