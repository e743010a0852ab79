"""The training loop: resumable to the step, one JSON line a step, best weights by validation patients.

All randomness of a step comes from `(seed, step)`, so a run that was killed and resumed takes the same steps as one
that was not, and a run in several processes those of one process.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor

from meddef_core.data.lists import Lists
from meddef_core.errors import RecipeError
from meddef_core.io.processes import sole_use
from meddef_core.text import Text
from meddef_core.training.alarm import watch_out
from meddef_core.training.launch import launch
from meddef_core.training.memory import keep_freed_memory
from meddef_core.training.paper import next_caution
from meddef_core.training.recipe import Recipe
from meddef_core.training.run import TrainingRun, check_lists, prepare
from meddef_core.training.scoring import Judge, validation_score
from meddef_core.training.state import RunFolder, make_folder
from meddef_core.training.step import plan_step, take_step

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


OnProgress = Callable[[StepReport], None]


def train(
    recipe: Recipe,
    *,
    data_dir: Path,
    run_dir: Path,
    on_progress: OnProgress | None = None,
    devices: int = 1,
    num_nodes: int = 1,
) -> TrainResult:
    """Train, or go on training, the recipe's network in `run_dir`.

    The folder then holds `recipe.json`, `log.jsonl`, `state.safetensors` (to resume) and `best.safetensors`
    (averaged weights, fp32). Raises DataError or RecipeError before the first step, also where another call is at
    work in that folder.

    With several `devices`, or machines (`num_nodes`, each making the same call with NODE_RANK, MASTER_ADDR and
    MASTER_PORT set as Lightning Fabric wants them and `run_dir` in a place that all of them see), each process works
    on its part of every batch; a run may go on with another number of them.
    """
    if 0 < (gpus := torch.cuda.device_count()) < devices:
        raise RecipeError(
            Text(
                "training.too-few-gpus",
                "{devices} devices are asked for and this machine has {gpus} GPU(s); lower --devices.",
                devices=devices,
                gpus=gpus,
            )
        )
    lists = check_lists(recipe, data_dir, processes=devices * num_nodes)
    make_folder(run_dir)
    with sole_use(run_dir):
        if devices * num_nodes == 1:
            fabric = Fabric(accelerator="auto", devices=1, precision=recipe.precision)
            return _work(fabric, recipe, lists, data_dir=data_dir, run_dir=run_dir, on_progress=on_progress)
        watch = None if on_progress is None else lambda line: on_progress(StepReport(**line))
        result = launch(
            _work, recipe, lists, data_dir=data_dir, run_dir=run_dir, devices=devices, num_nodes=num_nodes, watch=watch
        )
    return TrainResult(**result)


def _work(
    fabric: Fabric,
    recipe: Recipe,
    lists: Lists,
    *,
    data_dir: Path,
    run_dir: Path,
    on_progress: OnProgress | None = None,
) -> TrainResult:
    """The run as one process sees it; only the first one writes."""
    started = time.monotonic()
    folder = RunFolder(run_dir, recipe=recipe.model_dump(mode="json"), writes=fabric.is_global_zero)
    fresh = not folder.state.exists()
    if fabric.device.type == "cpu":
        keep_freed_memory()
    run, told = prepare(recipe, fabric, lists, data_dir=data_dir, fresh=fresh)
    if not fresh:
        run.progress = folder.load(folder.state, **run.pieces)
    # No process may look for the state of a run that another has already begun to write.
    fabric.barrier()
    folder.open()
    for sentence in told:
        folder.log({"start": sentence})
    if recipe.alarm and not folder.good.exists():
        folder.save(folder.good, progress=run.progress, **run.pieces)
    saved = time.monotonic()
    while run.progress.step < run.total:
        report = _advance(run, folder)
        if on_progress:
            on_progress(report)
        if time.monotonic() - saved > SAVE_EVERY_SECONDS or run.progress.step == run.total:
            folder.save(folder.state, progress=run.progress, **run.pieces)
            saved = time.monotonic()
    fabric.barrier()
    best = run.progress
    return TrainResult(run_dir, run.total, best.best_step, best.best_score, time.monotonic() - started)


def _advance(run: TrainingRun, folder: RunFolder) -> StepReport:
    """One step, its log line and, where due, a validation or a probe."""
    started = time.monotonic()
    plan, step = plan_step(run), run.progress.step
    loss = take_step(run, plan)
    speed = run.recipe.batch / (time.monotonic() - started)
    went_back = watch_out(run, folder, eps=plan.eps)
    score = _validate(run, folder) if not went_back and _validation_due(run) else None
    report = StepReport(step + 1, run.total, step // run.steps_per_epoch, loss, plan.lr, plan.eps, speed, score)
    folder.log(report._asdict())
    return report


def _validation_due(run: TrainingRun) -> bool:
    step, settings = run.progress.step, run.recipe.validation
    if step == run.total:
        return True
    epoch, within = divmod(step, run.steps_per_epoch)
    return within == 0 and epoch % settings.every == 0 and step >= settings.start * run.total


def _validate(run: TrainingRun, folder: RunFolder) -> float:
    """Score of the averaged weights; the best so far are written to `best.safetensors`."""
    recipe, progress = run.recipe, run.progress
    judge = Judge(run.average, run.share)
    score = validation_score(judge, run.val, recipe.validation, classes=run.average.config.classes)
    if recipe.objective.kind == "paper":
        progress.caution = next_caution(progress.caution, recipe.objective.paper, score=score, best=progress.best_score)
    if score >= progress.best_score:
        progress.best_score, progress.best_step = score, progress.step
        metadata = {"step": str(progress.step), "score": str(score), "recipe": recipe.model_dump_json()}
        if progress.init_sha256 is not None:
            metadata["init_sha256"] = progress.init_sha256
        tensors: dict[str, Tensor] = dict(run.average.state_dict())
        folder.choose(tensors, metadata)
    return score
