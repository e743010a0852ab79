"""Networks that a lesson makes: broken defences, and the shipped model with weights removed. Call inside `turn`."""

from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard.services.models import loaded
from dashboard.services.results.common import ModelChoice, Picture, Reading
from dashboard.services.results.teaching import DefenceDemonstration, Thinned, Tried
from dashboard.services.teaching import STEPS, reading
from meddef_core.attacks import AttackSpec, default_spec, run_attack
from meddef_core.auditing.broken.defences import BrokenDefence as Flawed
from meddef_core.auditing.broken.defences import get_broken
from meddef_core.auditing.registry import CHECKS
from meddef_core.baselines.defended import adaptive
from meddef_core.baselines.registry import get_baseline
from meddef_core.errors import ModelError
from meddef_core.io.arrays import as_images, as_labels, as_picture
from meddef_core.prediction.prediction import predict
from meddef_core.pruning.masks import pruned, weight_counts
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel


def title_of(defence: str) -> str:
    """What a broken defence is called; ModelError for an unknown one."""
    return get_broken(defence).title


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def broken(model: ModelChoice, sample: str, *, defence: str, eps: float) -> DefenceDemonstration:
    """The model behind a broken defence: PGD as its maker ran it, then PGD by somebody who knows the defence.

    Both pictures are read again by the defence itself. Raises ModelError for a defence with no such attack.
    """
    return broken_for(reading(model, sample), defence=defence, eps=eps)


def broken_for(before: Reading, *, defence: str, eps: float) -> DefenceDemonstration:
    """The same for a prediction, outside a session."""
    flawed, model = get_broken(defence), before.model
    plain = loaded(model.id)
    side = ModelChoice(f"{model.id}!{defence}", f"{model.title} + {flawed.title}", flawed.one_line, True, wrapped=True)
    subject = replace(plain, network=flawed.build(plain.network))
    clean = _read(side, subject, before.picture, like=before)
    spec = default_spec("pgd", eps=eps, steps=STEPS)
    knowing, knowing_spec = _knowing(flawed, plain, subject, spec)
    return DefenceDemonstration(
        flawed.title,
        flawed.one_line,
        flawed.flaw,
        flawed.citation,
        tuple(CHECKS[name].title for name in flawed.caught_by if name in CHECKS),
        clean,
        _tried(clean, subject, spec, harness=flawed.harness),
        _tried(clean, subject, knowing_spec, through=knowing),
        eps,
    )


def _knowing(flawed: Flawed, plain: LoadedModel, subject: LoadedModel, spec: AttackSpec) -> tuple[Any, AttackSpec]:
    """The network whose gradients an attacker who knows the flaw follows, and the settings they choose."""
    if flawed.name == "quantiser":  # backward pass as if nothing were rounded (Athalye et al. 2018, section 4.1)
        return adaptive(get_baseline("bit_depth").build(plain.network)), spec
    if flawed.name == "saturated_logits":  # the margin of the logits has a gradient where softmax has none
        return subject.network, replace(spec, loss="margin")
    if flawed.name in ("swallowed_exception", "normalised_epsilon"):  # the flaw is in the attack's code: run ours
        return plain.network, spec
    raise ModelError(
        Text(
            "teaching-broken.no-lesson",
            "No lesson knows how to see through {title}; choose another broken defence.",
            title=repr(flawed.title),
        )
    )


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def thinned(model: ModelChoice, sample: str, *, sparsity: float, eps: float) -> Thinned:
    """The model after one-shot magnitude pruning, reading the sample and attacked with its own gradients."""
    return thinned_for(reading(model, sample), sparsity=sparsity, eps=eps)


def thinned_for(before: Reading, *, sparsity: float, eps: float) -> Thinned:
    """The same for a prediction, outside a session."""
    model, plain = before.model, loaded(before.model.id)
    subject = replace(plain, network=pruned(plain.network, sparsity))
    counts = weight_counts(subject.network)
    clean = _read(model, subject, before.picture, like=before)
    attacked = _tried(clean, subject, default_spec("pgd", eps=eps, steps=STEPS))
    return Thinned(model, sparsity, counts.nonzero, counts.prunable, before, clean, attacked)


def _tried(
    clean: Reading, subject: LoadedModel, spec: AttackSpec, *, harness: Any = run_attack, through: Any = None
) -> Tried:
    images = as_images(clean.picture)
    label = as_labels(clean.classes.index(clean.label))
    result = harness(subject.network if through is None else through, images, label, spec)
    after = _read(clean.model, subject, as_picture(result.adversarial), like=clean)
    return Tried(after, float(result.linf[0]), after.label != clean.label)


def _read(model: ModelChoice, subject: LoadedModel, picture: Picture, *, like: Reading) -> Reading:
    return Reading(model, predict(subject, as_images(picture), like=like.prediction), picture)


def forget() -> None:
    """Forget what this session's lessons computed."""
    broken.clear()
    thinned.clear()
