"""Scrub through an attack: one payload to the browser, which draws every step by itself."""

import base64
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components import colours
from dashboard.components.model_styles import style_of
from dashboard.components.words import class_code
from dashboard.language import tr
from dashboard.services.results.common import AttackOutcome, Iterates, LabResult
from dashboard.services.tasks import Task
from dashboard.services.words import Text
from dashboard.views.attack_lab.cards import DASH_LENGTHS, span_of

FOLDER = Path(__file__).parent
LEVELS = 127
"""Grey levels, to either side, that the change of a pixel is sent in: finer than a screen shows."""

WORDS = {
    "play": Text("lab.play", "Play"),
    "pause": Text("lab.pause", "Pause"),
    "slider": Text("lab.step-attack", "Step of the attack"),
    "view": Text("lab.what-show", "What to show"),
    "step": Text("lab.step-step", "Step {step} of {total}"),
    "picture": Text("lab.picture", "Picture"),
    "added": Text("lab.what-added", "What was added, × {factor}"),
    "changed": Text("lab.output-changed-2", "output changed"),
    "held": Text("lab.output-clean", "output as for the clean scan"),
    "chart": Text("lab.probability-clean", "Probability of the clean output at each step, %"),
    "said": Text("lab.model-label", "{model}: {label} {p}"),
    "at": Text("lab.model-step", "{model} at step {step}: {label} {p}, largest change {linf}/255"),
}
"""What the player says; the places in braces are filled in the browser."""


def player(result: LabResult, *, task: Task) -> None:
    """The pictures of every model side by side, moved by one slider, with the outputs at that step.

    A model that abstains from the scan has none: there is no probability to show.
    """
    models = [_model(outcome, task=task) for outcome in result.counted if outcome.attacked.iterates is not None]
    if not models:
        return
    factor = colours.amplification(max(span_of(result), 1 / 255))
    _component()(
        key="lab_player",
        data={"models": models, "factor": factor, "words": {name: tr(text) for name, text in WORDS.items()}},
    )
    st.caption(
        tr(
            "lab.move-slider",
            "Move the slider, or press play: every picture is one that the attack went through, drawn here without "
            "asking the server. Of a long attack at most {n} are kept, evenly chosen, with the first that fooled and "
            "the last.",
            n=60,
        )
    )


def _component() -> Any:
    """Registered at each call: Streamlit keeps one definition a name, and drops it with the server it was given to."""
    html, css, js = ((FOLDER / f"player.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("meddef_player", html=html, css=css, js=js)


def _model(outcome: AttackOutcome, *, task: Task) -> dict[str, Any]:
    """One model's course as plain values."""
    iterates, clean = outcome.attacked.iterates, outcome.clean
    style = style_of(clean.model.id)
    assert iterates is not None
    span, changes = _changes(iterates)
    own = clean.classes.index(clean.label)
    readings = {0: clean.shares, **{step.number: step.shares for step in outcome.attacked.steps}}
    return {
        "title": tr(clean.model.title),
        "classes": [class_code(task, label) for label in clean.classes],
        "own": own,
        "colour": style.colour,
        "dash": DASH_LENGTHS[style.dash],
        "side": clean.picture.shape[0],
        "clean": _packed(np.rint(clean.picture * 255).astype(np.uint8)),
        "changes": _packed(changes),
        "span": span,
        "steps": list(iterates.steps),
        "linf": [f"{255 * linf:.2f}" for linf in iterates.linf],
        "shares": [[round(p, 5) for p in readings[step]] for step in iterates.steps],
        "course": [[step, round(shares[own], 5)] for step, shares in sorted(readings.items())],
    }


def _changes(iterates: Iterates) -> tuple[float, NDArray[np.uint8]]:
    """The largest change of any picture, and every change in 255 levels of it, each less the one before, modulo 256.

    Neighbouring steps differ in few levels, so that this is a fifth of the bytes once it is packed.
    """
    pictures = iterates.pictures.astype(np.float32)
    changes = pictures - pictures[:1]
    span = max(float(np.abs(changes).max()), 1e-6)
    levels = np.rint(changes * (LEVELS / span)).astype(np.int16)
    return span, np.diff(levels, axis=0, prepend=np.int16(0)).astype(np.uint8)


def _packed(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(zlib.compress(values.tobytes(), 6)).decode("ascii")
