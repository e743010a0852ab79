"""Catastrophic overfitting: noticed by a cheap probe, undone, and not walked into again.

Single-step training can end, within an epoch, in a network that withstands the very step it is trained with and
nothing else: FGSM accuracy leaps while PGD accuracy falls to nothing (Wong, Rice and Kolter 2020, Fast is better than
free, arXiv:2001.03994, section 5.4). The run then goes back to its last good state and crafts with more noise, or
with more steps.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np

from meddef_core.attacks import AttackSpec
from meddef_core.data.images import Images
from meddef_core.errors import RecipeError
from meddef_core.model.folded import folded
from meddef_core.text import Text
from meddef_core.training.run import TrainingRun
from meddef_core.training.scoring import Judge, subset
from meddef_core.training.settings import ObjectiveSettings
from meddef_core.training.state import RunFolder
from meddef_core.training.validation_settings import AlarmSettings

MOST_ALARMS = 6
"""After so many a run stops: what would come next costs more than starting again with a smaller epsilon."""

PGD_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Accuracies at one moment, at the training epsilon of that moment."""

    fgsm: float
    pgd: float


def sounds(probe: Probe, settings: AlarmSettings, *, best_pgd: float | None) -> bool:
    """Whether a probe shows catastrophic overfitting; `best_pgd` is the best good PGD accuracy so far.

    Before the first good probe the gap alone decides.
    """
    fell = best_pgd is None or best_pgd - probe.pgd > settings.fall
    return fell and probe.fgsm - probe.pgd > settings.gap


def escalated(objective: ObjectiveSettings, alarms: int) -> ObjectiveSettings:
    """The objective after so many alarms.

    N-FGSM first gets half as much noise again (de Jorge et al. 2022: more noise postpones the collapse), then becomes
    PGD with two steps, three, and so on; the others get one step more each time.
    """
    if alarms == 0:
        return objective
    if objective.kind != "n_fgsm":
        return objective.model_copy(update={"steps": objective.steps + alarms})
    if alarms == 1:
        return objective.model_copy(update={"noise": max(1.0, 1.5 * objective.noise)})
    return objective.model_copy(update={"kind": "pgd", "steps": alarms})


def take_probe(judge: Judge, val: Images, settings: AlarmSettings, *, eps: float) -> Probe:
    """FGSM and PGD accuracy on the alarm's images."""
    places = np.linspace(0, len(val) - 1, num=min(settings.images, len(val))).round().astype(np.int64)
    images = subset(val, places)
    labels = images.labels.numpy()
    specs = (AttackSpec(name="fgsm", eps=eps), AttackSpec(name="pgd", eps=eps, steps=PGD_STEPS, stop_when_fooled=True))
    fgsm, pgd = (float((judge(images, spec) == labels).mean()) for spec in specs)
    return Probe(fgsm=fgsm, pgd=pgd)


def watch_out(run: TrainingRun, folder: RunFolder, *, eps: float) -> bool:
    """Probe the run if a probe is due and keep it if it is sound; else go back to the last sound state: True.

    What is probed is the network as it stands: its average would show a collapse epochs later.
    """
    settings, progress = run.recipe.alarm, run.progress
    if settings is None or eps == 0 or progress.step % (settings.every * run.steps_per_epoch):
        return False
    probe = take_probe(Judge(folded(run.inner), run.share), run.val, settings, eps=eps)
    folder.log({"probe": progress.step, "eps": eps, **asdict(probe)})
    if not sounds(probe, settings, best_pgd=progress.best_pgd):
        # While epsilon still grows, accuracy under it falls in every run: what counts is the last probe, not the best.
        growing = eps < run.recipe.objective.eps
        progress.best_pgd = probe.pgd if growing else max(probe.pgd, progress.best_pgd or 0.0)
        folder.save(folder.good, progress=progress, **run.pieces)
        return False
    if progress.alarms == MOST_ALARMS:
        raise RecipeError(
            Text(
                "training.catastrophic-overfitting",
                "Catastrophic overfitting at step {step}, after {alarms} alarms; lower objective.eps.",
                step=progress.step,
                alarms=MOST_ALARMS,
            )
        )
    run.fabric.barrier()
    good = folder.load(folder.good, **run.pieces)
    run.progress = replace(
        good, best_step=progress.best_step, best_score=progress.best_score, alarms=progress.alarms + 1
    )
    now = escalated(run.recipe.objective, run.progress.alarms)
    crafting = {"kind": now.kind, "noise": now.noise, "steps": now.steps}
    folder.log({"alarm": run.progress.alarms, "step": progress.step, "back_to": good.step, **crafting})
    folder.save(folder.state, progress=run.progress, **run.pieces)
    return True
