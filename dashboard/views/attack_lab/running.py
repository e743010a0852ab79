"""Running what the controls ask for, and whether a result is still an answer to them."""

import math
import time
from collections.abc import Sequence

import streamlit as st

from dashboard.components.progress import paced, waiting_words, working
from dashboard.components.words import class_words
from dashboard.language import tr
from dashboard.services import estimates
from dashboard.services import shared as services
from dashboard.services.errors import AttackError, MedDefError
from dashboard.services.results.common import AttackChoice, AttackOutcome, LabResult, ModelChoice, Reading
from dashboard.services.work import QueuePlace
from dashboard.session import state
from dashboard.session.state import Chosen
from dashboard.views.attack_lab.controls import Order

SLOW = 5
"""Seconds: an attack that takes longer says so before it runs. Estimates are rounded up to this."""

MINUTE = 60

PRESSED = "lab_pressed"
"""In the session: when the button was last pressed, which names the result that it led to."""


def run_as_asked(chosen: Chosen, order: Order) -> None:
    """Attack where the button was pressed, or where a quick attack follows its settings; then what is to be said."""
    held = held_result(chosen)
    following = order.option.live and held is not None and held.option.key == order.option.key
    asked = _asked(order.choice, order.models)
    if order.pressed:
        st.session_state[PRESSED] = time.time()
    if not order.models:
        return
    if order.option.live and (order.pressed or (following and state.lab_asked() != asked)):
        _follow(chosen, order, asked=asked)
    elif order.pressed:
        _run(chosen, order)
    elif state.lab_note():
        st.warning(tr(str(state.lab_note())), icon=":material/cancel:")
    elif held is not None and not answers(held, order, task=chosen.task):
        st.warning(
            tr(
                "lab.these-results",
                "**These results are of other settings** than those above. Press the button to attack again.",
            ),
            icon=":material/update:",
        )
    else:
        _estimate(chosen, order, following=following)


def held_result(chosen: Chosen) -> LabResult | None:
    """The last result, where it is one of this scan."""
    result = state.lab_result()
    if result is None or result.fingerprint != chosen.fingerprint or result.task != chosen.task:
        return None
    return result


def answers(result: LabResult, order: Order, *, task: str) -> bool:
    """Whether a result is what these settings ask for: the same attack with all its settings, on the same models."""
    try:
        spec, source = services.checked(order.choice, task)
        wanted = [model.id for model in _without(source, order.models)]
    except MedDefError:
        return False
    return (result.spec, result.source) == (spec, source) and [
        outcome.clean.model.id for outcome in result.outcomes
    ] == wanted


def clean_readings(chosen: Chosen, models: Sequence[ModelChoice]) -> list[Reading]:
    """Every model's prediction for the scan as it is. Call inside `turn`."""
    return [services.read(model, chosen.fingerprint, chosen.scan) for model in models]


def _asked(choice: AttackChoice, models: Sequence[ModelChoice]) -> str:
    """Names what the form asks for: while it stays the same, a result taken back from the history stays as well."""
    return repr((choice, [model.id for model in models]))


def _estimate(chosen: Chosen, order: Order, *, following: bool) -> None:
    """What the button does; of a slow attack how long it will take."""
    words = tr(
        "lab.each-model",
        "Each model is attacked for itself, and random noise of the same size is run beside it as a control.",
    )
    if order.option.live:
        words = (
            tr("lab.result-follows", "The result follows every setting: move the attack strength and watch.")
            if following
            else tr("lab.one-step", "One step is quick: after the first press, the result follows every setting.")
        )
    # A result that answers these settings has been waited for already.
    duration = "" if held_result(chosen) is not None else _duration(chosen, order)
    st.caption(f"{words} {duration}".rstrip())


def _duration(chosen: Chosen, order: Order) -> str:
    try:
        spec, source = services.checked(order.choice, chosen.task)
        with working(tr("diagnose.checking-scan", "Checking the scan…"), quick=True):
            seconds = estimates.seconds(_without(source, order.models), spec)
    except MedDefError:  # said when it is run
        return ""
    if seconds < SLOW:
        return ""
    if seconds < MINUTE:
        return tr("lab.estimated-time", "**Estimated time: about {n} seconds.**", n=SLOW * math.ceil(seconds / SLOW))
    return tr("lab.estimated-time-about", "**Estimated time: about {n} min.**", n=math.ceil(seconds / MINUTE))


# ---- one attack --------------------------------------------------------------------------------------------------


def _follow(chosen: Chosen, order: Order, *, asked: str) -> None:
    """Run an attack of one step for the settings as they are now."""
    state.forget_lab(asked=asked)
    try:
        spec, source = services.checked(order.choice, chosen.task)
        with working(tr("lab.attacking", "Attacking…"), quick=True):
            readings = clean_readings(chosen, order.models)
            _check_target(chosen, readings, target=order.choice.target)
            outcomes = tuple(services.attack(clean, spec, lambda *news: None, source=source) for clean in readings)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return
    state.keep_lab_result(
        LabResult(chosen.fingerprint, chosen.task, services.option(spec.name), spec, source, outcomes)
    )
    _estimate(chosen, order, following=True)


def _run(chosen: Chosen, order: Order) -> None:
    """Attack every model in turn.

    Streamlit ends this script at the next progress update when Cancel is pressed or a setting is changed.
    """
    state.forget_lab()
    state.note_interrupted()
    box = st.empty()
    with box.container(border=True):
        bar = st.progress(0.0, text=tr("batch.starting", "Starting…"))
        st.button(
            tr("batch.cancel", "Cancel"),
            key="cancel_attack",
            icon=":material/stop_circle:",
            on_click=state.note_cancelled,
        )
    outcomes: list[AttackOutcome] = []

    def on_wait(where: QueuePlace) -> None:
        bar.progress(0.0, text=waiting_words(where))

    try:
        spec, source = services.checked(order.choice, chosen.task)
        attacked = _without(source, order.models)
        with services.turn(on_wait):
            readings = clean_readings(chosen, attacked)
            _check_target(chosen, readings, target=order.choice.target)

            @paced
            def on_progress(what: str, step: int, total: int) -> None:
                words = tr("lab.what-step", "{what}: step {step} of {total}", what=what, step=step, total=total)
                bar.progress((len(outcomes) + step / total) / len(readings), text=words)

            for clean in readings:
                outcomes.append(services.attack(clean, spec, on_progress, source=source))
    except MedDefError as error:
        box.empty()
        state.forget_lab()
        st.error(tr(str(error)), icon=":material/error:")
        return
    state.keep_lab_result(
        LabResult(chosen.fingerprint, chosen.task, services.option(spec.name), spec, source, tuple(outcomes))
    )
    st.rerun()


def _without(source: ModelChoice | None, models: Sequence[ModelChoice]) -> list[ModelChoice]:
    """The models to attack: not the source of a transfer, which would be attacked with its own gradients."""
    others = [model for model in models if source is None or model.id != source.id]
    if not others:
        raise AttackError(
            tr(
                "lab.picture-made",
                "The picture is made on the only model chosen; compare another one, or change the source.",
            )
        )
    return others


def _check_target(chosen: Chosen, readings: Sequence[Reading], *, target: str | None) -> None:
    """AttackError when a model gives the target already."""
    for clean in readings:
        if clean.label == target:
            words = class_words(services.tasks()[chosen.task], clean.label)
            raise AttackError(
                tr(
                    "lab.model-already",
                    "{model} already predicts {label} for this scan; aim at another class.",
                    model=tr(clean.model.title),
                    label=words,
                )
            )
