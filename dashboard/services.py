"""The one door between the pages and `meddef_core`: plain values go in and come out, tensors stay inside.

Models are shared by all sessions and read-only. Whatever is derived from a scan lives in a bounded cache of the
session that asked for it and goes with it.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

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
from meddef_core.attacks import ATTACKS, AttackResult, AttackSpec, AttackStep, run_attack
from meddef_core.data.tasks import TASKS, Task, get_task
from meddef_core.explain import MAP_CAVEAT, ExplanationMap, explain, shared_scale
from meddef_core.pictures import as_images, as_labels, as_picture, use_threads
from meddef_core.predict import predict, prepare
from meddef_core.scans import Sample, Scan, list_samples, read_scan

THREADS = int(os.environ.get("MEDDEF_THREADS", "1"))
"""Torch threads a request may use. For one picture on two cores one is fastest (PGD-10 in 1.2 s instead of 16.6 s)."""

QUEUE = WorkQueue(slots=int(os.environ.get("MEDDEF_SLOTS", str(max(1, (os.cpu_count() or 2) // THREADS)))))
"""Requests computed at once; the others wait and are told their place."""

NOISE = "noise"
"""Registry key of the control that every attack is shown beside."""

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


@st.cache_resource(max_entries=8, show_spinner=False)
def _model(model_id: str) -> zoo.LoadedModel:
    return zoo.load_model(model_id)


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

    Grad-CAM explains the class `label` in each picture. `key` identifies the pictures in the session's cache.
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
    """The registry's attacks, without the controls: those run by themselves beside every attack."""
    return tuple(option(key) for key, info in ATTACKS.items() if info.threat != "control")


def option(key: str) -> AttackOption:
    """One registry entry as the form sees it."""
    info = ATTACKS[key]
    return AttackOption(
        key, info.title, info.one_line, info.citation, info.threat, iterative=info.iterative, settings=info.settings
    )


def attack(clean: Reading, choice: AttackChoice, on_progress: OnProgress) -> Outcome:
    """Attack one picture with the model's own gradients, then add random noise of the same size.

    Moves away from the class the model gives the clean picture. `on_progress` runs after each step; whatever it
    raises ends the attack. Raises AttackError. Call inside `turn`.
    """
    spec = _spec(choice, clean.classes)
    control = AttackSpec(name=NOISE, eps=choice.eps, seed=choice.seed)
    return Outcome(clean, _attacked(clean, spec, on_progress), _attacked(clean, control, on_progress))


def _spec(choice: AttackChoice, classes: tuple[str, ...]) -> AttackSpec:
    return AttackSpec(
        name=choice.attack,
        eps=choice.eps,
        steps=choice.steps,
        restarts=choice.restarts,
        loss=choice.loss,
        target=None if choice.target is None else classes.index(choice.target),
        seed=choice.seed,
    )


def _attacked(clean: Reading, spec: AttackSpec, on_progress: OnProgress) -> Attacked:
    info = ATTACKS[spec.name]
    steps: list[Step] = []

    def on_step(step: AttackStep) -> None:
        steps.append(Step(step.step, step.loss, tuple(step.probabilities[0].tolist())))
        on_progress(f"{info.title} on {clean.model.title}", step.step, step.total)

    began = time.perf_counter()
    label = as_labels(clean.classes.index(clean.label))
    result = run_attack(_model(clean.model.id).network, as_images(clean.picture), label, spec, on_step=on_step)
    return _measured(clean, result, tuple(steps), time.perf_counter() - began)


def _measured(clean: Reading, result: AttackResult, steps: tuple[Step, ...], seconds: float) -> Attacked:
    linf = float(result.linf[0])
    return Attacked(
        title=ATTACKS[result.spec.name].title,
        eps=result.spec.eps,
        reading=_reading(clean.model, as_picture(result.adversarial)),
        success=bool(result.success[0]),
        linf=linf,
        l2=float(result.l2[0]),
        psnr=float(result.psnr[0]),
        ssim=float(result.ssim[0]),
        pixels_changed=float(result.pixels_changed[0]),
        inside_budget=linf <= result.spec.eps + 1e-6,
        steps=steps,
        seconds=seconds,
    )
