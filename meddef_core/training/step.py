"""One optimizer step, whatever the objective, in one process or as a part of many."""

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from meddef_core.errors import RecipeError
from meddef_core.text import Text
from meddef_core.training.alarm import escalated
from meddef_core.training.awp import perturbed
from meddef_core.training.losses import LossOf, LossSettings
from meddef_core.training.objectives import make_loss
from meddef_core.training.paper import Phase, make_paper_loss, phase
from meddef_core.training.run import TrainingRun, memory_format_of
from meddef_core.training.schedules import ema_decay, epsilon_ramp, one_cycle
from meddef_core.training.sharing import sum_over_processes


class StepPlan(NamedTuple):
    """What the schedules ask for at one step."""

    lr: float
    eps: float
    weight: float
    """Of the attacked images, where the paper's recipe mixes them in."""


def plan_step(run: TrainingRun) -> StepPlan:
    """The schedules at the step that comes next."""
    recipe, step = run.recipe, run.progress.step
    done, objective = step / run.total, recipe.objective
    lr = recipe.optimizer.lr
    if recipe.optimizer.schedule == "one_cycle":
        lr = one_cycle(done, peak=lr, warm_up=recipe.optimizer.warm_up)
    if objective.kind == "paper":
        return StepPlan(lr, *phase(objective.paper, step / run.steps_per_epoch, caution=run.progress.caution))
    return StepPlan(lr, epsilon_ramp(done, eps=objective.eps, warm_up=objective.eps_warm_up), 0.0)


def take_step(run: TrainingRun, plan: StepPlan) -> float:
    """Train on the batch that is next and update the average; returns the loss of the whole batch."""
    recipe, step = run.recipe, run.progress.step
    epoch, within = divmod(step, run.steps_per_epoch)
    order = torch.randperm(len(run.train), generator=_generator(recipe.seed, epoch, salt=1))
    index = order[within * recipe.batch : (within + 1) * recipe.batch].sort().values.numpy()
    generator = _generator(recipe.seed, step, salt=2)
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    x, y = (tensor.to(run.fabric.device) for tensor in run.train.batch(run.share.of(index)))
    x = _augmented(run, x, generator=generator).to(memory_format=memory_format_of(run.inner))
    for group in run.optimizer.param_groups:
        group["lr"] = plan.lr
    run.network.train()
    run.optimizer.zero_grad()
    loss = _balanced(run, y, run.train.labels[torch.from_numpy(index)])
    with run.fabric.autocast():
        loss_of = _craft(run, x, y, plan=plan, loss=loss, generator=generator)
    value = _descend(run, loss_of)
    if recipe.optimizer.clip is not None:
        torch.nn.utils.clip_grad_norm_(run.network.parameters(), recipe.optimizer.clip)
    run.optimizer.step()
    _update_average(run.average, run.network, ema_decay(step, decay=recipe.optimizer.ema))
    run.progress.step += 1
    if run.pruner is not None:
        run.pruner.after_step(run.progress.step)
    return value


def _augmented(run: TrainingRun, x: Tensor, *, generator: torch.Generator) -> Tensor:
    recipe, scanner = run.recipe, run.recipe.scanner
    if scanner is not None:
        size = recipe.preprocessing_of_task().size
        x = scanner.geometry(x, size=size, generator=generator, share=run.share)
    x = recipe.augmentation(x, generator=generator, share=run.share)
    return x if scanner is None else scanner.appearance(x, generator=generator, share=run.share)


def _craft(
    run: TrainingRun, x: Tensor, y: Tensor, *, plan: StepPlan, loss: LossSettings, generator: torch.Generator
) -> LossOf:
    objective = escalated(run.recipe.objective, run.progress.alarms)
    if objective.kind == "paper":
        return make_paper_loss(
            objective.paper, x, y, inner=run.inner, now=Phase(plan.eps, plan.weight), loss=loss, generator=generator
        )
    return make_loss(
        objective,
        x,
        y,
        inner=run.inner,
        eps=plan.eps,
        loss=loss,
        generator=generator,
        share=run.share,
        teacher=run.teacher,
    )


def _descend(run: TrainingRun, loss_of: LossOf) -> float:
    """Gradients of the loss, at perturbed weights if the recipe says so; returns its mean over processes."""
    gamma = run.recipe.objective.awp
    if not gamma:
        return _backward(run, loss_of)
    with run.fabric.autocast():
        here = loss_of(run.inner)
    with perturbed(run.inner, here, gamma=gamma, share=run.share):
        return _backward(run, loss_of)


def _backward(run: TrainingRun, loss_of: LossOf) -> float:
    with run.fabric.autocast():
        loss = loss_of(run.network)
    if not torch.isfinite(loss):
        raise RecipeError(
            Text(
                "training.loss-not-finite",
                "The loss became {loss} at step {step}; lower optimizer.lr.",
                loss=float(loss),
                step=run.progress.step,
            )
        )
    run.fabric.backward(loss)
    value = loss.detach()
    return float(value if run.share.count == 1 else sum_over_processes(value.clone()) / run.share.count)


def _balanced(run: TrainingRun, own: Tensor, whole: Tensor) -> LossSettings:
    """The loss whose mean over processes is that of the whole batch: means by class weight do not simply average."""
    if run.share.count == 1:
        return run.loss
    weights = run.loss.class_weights.cpu()
    balance = run.share.count * weights[own.cpu()].sum() / weights[whole].sum()
    return replace(run.loss, balance=float(balance))


def _generator(seed: int, number: int, *, salt: int) -> torch.Generator:
    return torch.Generator().manual_seed((seed * 4 + salt) * 2**32 + number)


@torch.no_grad()
def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)
