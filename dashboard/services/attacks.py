"""Attacks of the registry on one picture, measured and set beside random noise."""

import time
from collections.abc import Callable
from dataclasses import replace

from dashboard.services import estimates, limits
from dashboard.services.iterates import Album
from dashboard.services.models import loaded, models
from dashboard.services.reading import reading_of
from dashboard.services.results.common import (
    AttackChoice,
    AttackedPicture,
    AttackOption,
    AttackOutcome,
    ModelChoice,
    Reading,
    TracedStep,
)
from meddef_core.attacks import ATTACKS, AttackResult, AttackSpec, AttackStep, default_spec, run_attack
from meddef_core.attacks.result import DISTANCES, tolerance
from meddef_core.errors import AttackError
from meddef_core.io.arrays import as_images, as_labels, as_picture
from meddef_core.prediction.prediction import from_logits
from meddef_core.tasks import get_task
from meddef_core.text import Text

CONTROLS = {"linf": "noise", "l2": "noise_l2", "l0": "noise_l0"}
"""Registry key, by norm, of the control that every attack is shown beside."""

LEAST = 1e-30
"""Probabilities below this count as this much, so that their logarithm, a logit of the same softmax, is finite."""

OnProgress = Callable[[str, int, int], None]
"""Hears (what is running, step, steps)."""


def attack_options() -> tuple[AttackOption, ...]:
    """The registry's attacks that the laboratory offers (`limits.in_lab`), white box first."""
    return tuple(option(key) for key, info in ATTACKS.items() if limits.in_lab(info))


def option(key: str) -> AttackOption:
    """One registry entry as the form sees it."""
    info = ATTACKS[key]
    return AttackOption(
        key,
        info.title,
        info.one_line,
        info.citation,
        info.threat,
        norm=info.norm,
        iterative=info.iterative,
        needs_source=info.needs_source,
        settings=info.settings,
        usual=default_spec(key),
    )


def most(key: str, setting: str) -> int:
    """The highest value of a setting that counts an attack's work."""
    return limits.most(ATTACKS[key], setting)


def checked(choice: AttackChoice, task: str) -> tuple[AttackSpec, ModelChoice | None]:
    """The choice as it will run, and the source of a transfer attack; raises AttackError with one sentence."""
    spec = limits.spec_of(choice, tuple(get_task(task).classes))
    if not ATTACKS[spec.name].needs_source:
        return spec, None
    source = next((model for model in models(task) if model.id == choice.source), None)
    if source is None:
        raise AttackError(
            Text(
                "attacks.title-needs",
                "{title} needs a model of this kind of scan to make its picture on.",
                title=ATTACKS[spec.name].title,
            )
        )
    return spec, source


def attack(
    clean: Reading, spec: AttackSpec, on_progress: OnProgress, *, source: ModelChoice | None = None
) -> AttackOutcome:
    """Attack one picture, then add random noise of the same norm and size; `spec` and `source` are from `checked`.

    Moves away from the class the model gives the clean picture. `on_progress` runs after each step; whatever it
    raises ends the attack. Raises AttackError. Call inside `turn`.
    """
    info = ATTACKS[spec.name]
    if source is not None and source.id == clean.model.id:
        raise AttackError(
            Text(
                "attacks.title-source",
                "{title} is the source, on which this would be no transfer; choose another model.",
                title=source.title,
            )
        )
    if source is not None and not loaded(source.id).prepares_like(loaded(clean.model.id)):
        raise AttackError(
            Text(
                "attacks.source-model",
                "{source} and {model} preprocess scans differently, so an image cannot be carried from one to "
                "the other; choose another source.",
                source=source.title,
                model=clean.model.title,
            )
        )
    album = Album(clean.picture) if info.iterative else None
    attacked = _attacked(clean, spec, on_progress, source=source, album=album)
    estimates.learn(clean.model, spec, attacked.seconds)
    # An attack that seeks the smallest change stops short of its budget: noise of the whole budget would be larger.
    smaller = info.seeks == "smallest" and attacked.success
    size = min(attacked.distance, spec.eps) if smaller else spec.eps
    control = default_spec(CONTROLS[info.norm], eps=size, seed=spec.seed, theta=spec.theta)
    return AttackOutcome(clean, attacked, _attacked(clean, control, on_progress))


def _attacked(
    clean: Reading,
    spec: AttackSpec,
    on_progress: OnProgress,
    *,
    source: ModelChoice | None = None,
    album: Album | None = None,
) -> AttackedPicture:
    info, subject = ATTACKS[spec.name], loaded(clean.model.id)
    steps: list[TracedStep] = []

    def on_step(step: AttackStep) -> None:
        softmax = step.probabilities[0]
        shares = from_logits(subject, softmax.clamp_min(LEAST).log(), distance=clean.prediction.distance).shares
        steps.append(TracedStep(step.step, step.loss, tuple(softmax.tolist()), shares, step.success))
        if album is not None and step.images is not None:
            album.add(step.step, as_picture(step.images), mark=step.success > 0)
        on_progress(f"{info.title} on {clean.model.title}", step.step, step.total)

    began = time.perf_counter()
    result = run_attack(
        subject.network,
        as_images(clean.picture),
        as_labels(clean.classes.index(clean.label)),
        spec,
        source=None if source is None else loaded(source.id).network,
        on_step=on_step,
        iterates=album is not None,
    )
    measured = _measured(clean, result, tuple(steps), time.perf_counter() - began)
    return measured if album is None else replace(measured, iterates=album.iterates())


def _measured(clean: Reading, result: AttackResult, steps: tuple[TracedStep, ...], seconds: float) -> AttackedPicture:
    info, eps, first = ATTACKS[result.spec.name], result.spec.eps, int(result.first_fooled[0])
    distance = float(DISTANCES[info.norm](result.adversarial, as_images(clean.picture))[0])
    return AttackedPicture(
        title=info.title,
        norm=info.norm,
        eps=eps,
        distance=distance,
        reading=reading_of(clean.model, as_picture(result.adversarial), like=clean),
        success=bool(result.success[0]),
        first_fooled=None if first < 0 else first,
        linf=float(result.linf[0]),
        l2=float(result.l2[0]),
        psnr=float(result.psnr[0]),
        ssim=float(result.ssim[0]),
        pixels_changed=float(result.pixels_changed[0]),
        inside_budget=distance <= eps + tolerance(eps, norm=info.norm),
        steps=steps,
        seconds=seconds,
    )
