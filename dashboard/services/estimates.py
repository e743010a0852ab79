"""How long an attack will take, told before it runs: its passes through each model, at the pace of this server."""

import time
from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.services import limits
from dashboard.services.reading import reading_of
from dashboard.services.results.common import ModelChoice
from meddef_core.attacks import ATTACKS, AttackSpec

BACKWARD = 3.0
"""A pass with its gradient takes about as long as this many without."""

SIDE = 224

_paces: dict[tuple[str, str], float] = {}
"""Seconds of one pass, by model and attack, as they were last measured; all sessions share this server's pace."""


def learn(model: ModelChoice, spec: AttackSpec, seconds: float) -> None:
    """An attack has run: the next one of its kind takes as long a pass."""
    _paces[model.id, spec.name] = seconds / limits.passes(spec, ATTACKS[spec.name])


def seconds(models: Sequence[ModelChoice], spec: AttackSpec) -> float:
    """What an attack on these models will take, one after the other. Call inside `turn`.

    Too high where an attack ends as soon as it succeeds, and for a first attack no more than an order of magnitude.
    """
    return sum(_pace(model, spec) for model in models) * limits.passes(spec, ATTACKS[spec.name])


def _pace(model: ModelChoice, spec: AttackSpec) -> float:
    known = _paces.get((model.id, spec.name))
    if known is not None:
        return known
    info = ATTACKS[spec.name]
    return _forward(model) * (BACKWARD if info.threat == "white box" or info.needs_source else 1.0)


@st.cache_resource(max_entries=16, show_spinner=False)
def _forward(model: ModelChoice) -> float:
    """Seconds of one prediction, measured once, after another has warmed the network up."""
    picture = np.zeros((SIDE, SIDE), np.float32)
    reading_of(model, picture)
    began = time.perf_counter()
    reading_of(model, picture)
    return time.perf_counter() - began
