"""Page "Attack lab": the same scan, the same budget, each chosen model attacked for itself."""

from collections.abc import Sequence

import streamlit as st

from dashboard import services, state
from dashboard.results import AttackChoice, LabResult, ModelChoice, Outcome, Reading
from dashboard.state import Chosen
from dashboard.ui import comparison
from dashboard.ui.attack_form import attack_form
from dashboard.ui.before_after import maps_before_after
from dashboard.ui.model_picker import models_to_compare
from dashboard.ui.progress import paced, waiting_words
from dashboard.ui.scan_facts import origin_line
from dashboard.ui.words import class_words
from meddef_core.errors import AttackError, MedDefError


def page() -> None:
    """Set up, run, compare."""
    st.title("Attack lab", anchor=False)
    chosen = state.chosen()
    if chosen is None:
        st.info("No scan is chosen yet.", icon=":material/touch_app:")
        st.page_link("dashboard/views/diagnose.py", label="Choose a scan", icon=":material/radiology:")
        return
    task = services.tasks()[chosen.task]
    with st.container(border=True):
        st.header("1 · Scan and attack", anchor=False)
        origin_line(chosen)
        picture, form = st.columns([1, 3], gap="large")
        with picture:
            _scan_card(chosen)
        with form:
            models = models_to_compare(chosen.task)
            choice = attack_form(task, models)
    if choice is not None and models:
        _run(chosen, choice, models)
    elif state.lab_note():
        st.warning(state.lab_note(), icon=":material/cancel:")
    result = state.lab_result()
    if result is None or result.fingerprint != chosen.fingerprint or result.task != chosen.task:
        st.caption(
            "Press the button: each model is attacked for itself, and random noise of the same size is run beside it "
            "as a control."
        )
        return
    _show(result, chosen)


def _scan_card(chosen: Chosen) -> None:
    picture = services.thumbnail_of(chosen.task, chosen.fingerprint, chosen.scan)
    st.image(picture, clamp=True, width=224, alt=f"{chosen.title}, as the models see it")
    st.page_link("dashboard/views/diagnose.py", label="Choose another scan", icon=":material/arrow_back:")


def _run(chosen: Chosen, choice: AttackChoice, models: Sequence[ModelChoice]) -> None:
    """Attack every model in turn; Streamlit ends this script at the next progress update when Cancel is pressed."""
    state.forget_lab()
    box = st.empty()
    with box.container(border=True):
        bar = st.progress(0.0, text="Starting…")
        st.button("Cancel", key="cancel_attack", icon=":material/stop_circle:", on_click=state.note_cancelled)
    outcomes: list[Outcome] = []

    def on_wait(ahead: int) -> None:
        bar.progress(0.0, text=waiting_words(ahead))

    try:
        spec, source = services.checked(choice, chosen.task)
        attacked = _without(source, models)
        with services.turn(on_wait):
            readings = _clean_readings(chosen, attacked, target=choice.target)

            @paced
            def on_progress(what: str, step: int, total: int) -> None:
                bar.progress((len(outcomes) + step / total) / len(readings), text=f"{what}: step {step} of {total}")

            for clean in readings:
                outcomes.append(services.attack(clean, spec, on_progress, source=source))
    except MedDefError as error:
        box.empty()
        st.error(str(error), icon=":material/error:")
        return
    state.keep_lab_result(
        LabResult(chosen.fingerprint, chosen.task, services.option(spec.name), spec, source, tuple(outcomes))
    )
    st.rerun()


def _without(source: ModelChoice | None, models: Sequence[ModelChoice]) -> list[ModelChoice]:
    """The models to attack: not the source of a transfer, which would be attacked with its own gradients."""
    others = [model for model in models if source is None or model.id != source.id]
    if not others:
        raise AttackError("The picture is made on the only model chosen; compare another one, or change the source.")
    return others


def _clean_readings(chosen: Chosen, models: Sequence[ModelChoice], *, target: str | None) -> list[Reading]:
    """Every model's reading; AttackError when one gives the target already."""
    readings = [services.read(model, chosen.fingerprint, chosen.scan) for model in models]
    for clean in readings:
        if clean.label == target:
            words = class_words(services.tasks()[chosen.task], clean.label)
            raise AttackError(f"{clean.model.title} reads this scan as {words} already; aim at another class.")
    return readings


def _show(result: LabResult, chosen: Chosen) -> None:
    task = services.tasks()[chosen.task]
    st.header("2 · What the attack did", anchor=False)
    st.caption(comparison.settings_words(result, task=task))
    comparison.verdicts(result, task=task, truth=chosen.truth)
    st.header("3 · What was added to the scan", anchor=False)
    comparison.pictures(result)
    comparison.measurements(result)
    st.header("4 · What moved the output, before and after", anchor=False)
    maps_before_after(result)
    st.header("5 · Step by step", anchor=False)
    comparison.course(result, task=task)


page()
