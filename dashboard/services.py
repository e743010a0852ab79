"""The one door between the pages and `meddef_core`: plain values go in and come out, tensors stay inside.

Models are shared by all sessions and read-only. Whatever is derived from a scan lives in a bounded cache of the
session that asked for it and goes with it.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import limits
from dashboard.results import (
    AttackChoice,
    Attacked,
    AttackOption,
    MapView,
    ModelChoice,
    Outcome,
    Picture,
    Reading,
    Step,
)
from dashboard.work import WorkQueue
from meddef_core import zoo
from meddef_core.attacks import ATTACKS, AttackResult, AttackSpec, AttackStep, default_spec, run_attack
from meddef_core.attacks.result import DISTANCES, tolerance
from meddef_core.baselines.sides import Side, load_side, side_choices
from meddef_core.data.tasks import TASKS, Task, get_task
from meddef_core.errors import AttackError, ModelError
from meddef_core.explain import MAP_CAVEAT, ExplanationMap, explain, shared_scale
from meddef_core.pictures import as_images, as_labels, as_picture, use_threads
from meddef_core.predict import predict, prepare
from meddef_core.scans import Sample, Scan, list_samples, read_scan

THREADS = int(os.environ.get("MEDDEF_THREADS", "1"))
"""Torch threads a request may use. For one picture on two cores one is fastest (PGD-10 in 1.2 s instead of 16.6 s)."""

QUEUE = WorkQueue(slots=int(os.environ.get("MEDDEF_SLOTS", str(max(1, (os.cpu_count() or 2) // THREADS)))))
"""Requests computed at once; the others wait and are told their place."""

CONTROLS = {"linf": "noise", "l2": "noise_l2", "l0": "noise_l0"}
"""Registry key, by norm, of the control that every attack is shown beside."""

CAVEAT = MAP_CAVEAT
"""Stands under every map."""

OnProgress = Callable[[str, int, int], None]
"""Hears (what is running, step, steps)."""


@contextmanager
def turn(on_wait: Callable[[int], None]) -> Iterator[None]:
    """Wait for a slot of the work queue, then compute on `THREADS` threads."""
    with QUEUE.turn(on_wait):
        use_threads(THREADS)
        yield


# ---- tasks, scans and models -------------------------------------------------------------------------------------


def tasks() -> dict[str, Task]:
    """Every diagnostic task, by key."""
    return TASKS


def data_dir() -> Path | None:
    """The folder of real scans, when this server has one."""
    value = os.environ.get("MEDDEF_DATA_DIR")
    return Path(value) if value else None


@st.cache_resource(max_entries=4, show_spinner=False)
def samples(task: str) -> tuple[Sample, ...]:
    """Scans to try without a file: packaged, synthetic, and from the test lists of `data_dir()`."""
    return tuple(list_samples(task, data_dir=data_dir()))


@st.cache_data(max_entries=64, show_spinner=False)
def thumbnail(task: str, key: str) -> NDArray[np.float32]:
    """A sample as its models see it, for the strip."""
    sample = next(sample for sample in samples(task) if sample.key == key)
    return np.asarray(get_task(task).preprocessing(sample.load().pixels)[0])


@st.cache_data(scope="session", max_entries=4, show_spinner=False)
def thumbnail_of(task: str, fingerprint: str, _scan: Scan) -> NDArray[np.float32]:
    """Any scan as the task's models see it; `fingerprint` identifies its pixels."""
    return np.asarray(get_task(task).preprocessing(_scan.pixels)[0])


def read_upload(data: bytes, *, frame: int | None = None) -> Scan:
    """Decode and de-identify the bytes of a file; raises ScanError with one sentence."""
    return read_scan(data, frame=frame)


def cards() -> list[zoo.Card]:
    """The card of every model on this server."""
    return zoo.list_models()


def models(task: str) -> tuple[ModelChoice, ...]:
    """The task's models, MedDef first: it is what readers came for."""
    choices = [_choice(card) for card in cards() if card.task == task]
    return tuple(sorted(choices, key=lambda choice: (not choice.defended, choice.id)))


def _choice(card: zoo.Card) -> ModelChoice:
    return ModelChoice(card.key, card.title, card.summary, defended=card.name != "undefended")


def comparable(task: str) -> tuple[ModelChoice, ...]:
    """What can stand side by side: the task's models, the undefended first, then the baselines around it."""
    own = sorted(models(task), key=lambda choice: choice.defended)
    return (*own, *(_side(side) for side in side_choices(task)))


def _side(side: Side) -> ModelChoice:
    return ModelChoice(side.id, side.title, side.summary, defended=True, wrapped=True)


def compared(task: str, ids: Sequence[str]) -> tuple[ModelChoice, ...]:
    """The models of those ids, in the order of `comparable`; raises ModelError on none, too many or an unknown one."""
    choices = comparable(task)
    unknown = set(ids) - {choice.id for choice in choices}
    if unknown:
        raise ModelError(f"There is no model {min(unknown)!r} to compare; choose another.")
    if not 1 <= len(set(ids)) <= limits.MOST_MODELS:
        raise ModelError(f"Choose one to {limits.MOST_MODELS} models to compare, not {len(set(ids))}.")
    return tuple(choice for choice in choices if choice.id in ids)


@st.cache_resource(max_entries=16, show_spinner=False)
def _model(model_id: str) -> zoo.LoadedModel:
    return load_side(model_id) if "+" in model_id else zoo.load_model(model_id)


# ---- reading and maps --------------------------------------------------------------------------------------------


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def read(model: ModelChoice, fingerprint: str, _scan: Scan) -> Reading:
    """The model's output for a scan; `fingerprint` identifies its pixels. Call inside `turn`."""
    loaded = _model(model.id)
    return _reading(model, as_picture(prepare(loaded, _scan)))


def _reading(model: ModelChoice, picture: Picture) -> Reading:
    prediction = predict(_model(model.id), as_images(picture))
    return Reading(model, tuple(prediction.classes), tuple(prediction.probabilities), prediction.label, picture)


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def maps(model: ModelChoice, key: str, label: str, _pictures: tuple[Picture, ...]) -> tuple[tuple[MapView, ...], ...]:
    """Every map the model has, for each picture, all on the scale shared by the pictures. Call inside `turn`.

    Grad-CAM explains the class `label` in each picture; a wrapped model has no map. `key` identifies the pictures in
    the session's cache.
    """
    loaded = _model(model.id)
    target = loaded.task.index(label)
    found = [explain(loaded.network, as_images(picture), target=target) for picture in _pictures]
    scales = {name: shared_scale(*(each[name] for each in found)) for name in found[0]}
    return tuple(tuple(_map_view(each[name], scales[name]) for name in each) for each in found)


def _map_view(found: ExplanationMap, scale: tuple[float, float]) -> MapView:
    info = found.info
    return MapView(info.key, info.title, info.meaning, info.signed, found.grid, found.upsampled(), scale)


# ---- attacks -----------------------------------------------------------------------------------------------------


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
        raise AttackError(f"{ATTACKS[spec.name].title} needs a model of this kind of scan to make its picture on.")
    return spec, source


def attack(clean: Reading, spec: AttackSpec, on_progress: OnProgress, *, source: ModelChoice | None = None) -> Outcome:
    """Attack one picture, then add random noise of the same norm and size; `spec` and `source` are from `checked`.

    Moves away from the class the model gives the clean picture. `on_progress` runs after each step; whatever it
    raises ends the attack. Raises AttackError. Call inside `turn`.
    """
    info = ATTACKS[spec.name]
    if source is not None and source.id == clean.model.id:
        raise AttackError(f"{source.title} is the source, on which this would be no transfer; choose another model.")
    attacked = _attacked(clean, spec, on_progress, source=source)
    # An attack that seeks the smallest change stops short of its budget: noise of the whole budget would be larger.
    smaller = info.seeks == "smallest" and attacked.success
    size = min(attacked.distance, spec.eps) if smaller else spec.eps
    control = default_spec(CONTROLS[info.norm], eps=size, seed=spec.seed, theta=spec.theta)
    return Outcome(clean, attacked, _attacked(clean, control, on_progress))


def _attacked(
    clean: Reading, spec: AttackSpec, on_progress: OnProgress, *, source: ModelChoice | None = None
) -> Attacked:
    info = ATTACKS[spec.name]
    steps: list[Step] = []

    def on_step(step: AttackStep) -> None:
        steps.append(Step(step.step, step.loss, tuple(step.probabilities[0].tolist())))
        on_progress(f"{info.title} on {clean.model.title}", step.step, step.total)

    began = time.perf_counter()
    result = run_attack(
        _model(clean.model.id).network,
        as_images(clean.picture),
        as_labels(clean.classes.index(clean.label)),
        spec,
        source=None if source is None else _model(source.id).network,
        on_step=on_step,
    )
    return _measured(clean, result, tuple(steps), time.perf_counter() - began)


def _measured(clean: Reading, result: AttackResult, steps: tuple[Step, ...], seconds: float) -> Attacked:
    info, eps, first = ATTACKS[result.spec.name], result.spec.eps, int(result.first_fooled[0])
    distance = float(DISTANCES[info.norm](result.adversarial, as_images(clean.picture))[0])
    return Attacked(
        title=info.title,
        norm=info.norm,
        eps=eps,
        distance=distance,
        reading=_reading(clean.model, as_picture(result.adversarial)),
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
