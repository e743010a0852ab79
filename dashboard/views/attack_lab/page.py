"""Page "Attack lab": the same scan, the same budget, each chosen model attacked for itself."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.certificate_card import certificate_card
from dashboard.components.export_buttons import export_buttons
from dashboard.components.model_picker import models_to_compare
from dashboard.components.progress import paced, waiting_words, working
from dashboard.components.scan_facts import id_words, no_scan, origin_line
from dashboard.components.scan_level import guards, may_use, scan_notes
from dashboard.components.words import class_words
from dashboard.language import tr
from dashboard.services import certificates
from dashboard.services import shared as services
from dashboard.services.errors import AttackError, MedDefError
from dashboard.services.results.common import AttackChoice, AttackOutcome, LabResult, ModelChoice, Reading
from dashboard.services.work import QueuePlace
from dashboard.session import state
from dashboard.session.state import Chosen
from dashboard.views.attack_lab import comparison
from dashboard.views.attack_lab import link as lab_link
from dashboard.views.attack_lab.attack_form import attack_form, attack_picker
from dashboard.views.attack_lab.before_after import maps_before_after
from dashboard.views.attack_lab.course import course
from dashboard.views.attack_lab.sweeps import sweeps_card
from dashboard.views.attack_lab.transfer import transfer_card


def page() -> None:
    """Set up, run, compare."""
    st.title(tr("Attack lab"), anchor=False)
    lab_link.take()
    lab_link.refused_line()
    chosen = state.chosen()
    if chosen is None:
        lab_link.write({})
        no_scan()
        return
    _bench(chosen)


def _bench(chosen: Chosen) -> None:
    """Form and result. No fragment: a press of Cancel inside one would wait for the attack to end."""
    task = services.tasks()[chosen.task]
    with st.container(border=True):
        st.header(tr("1 · Scan and attack"), anchor=False)
        origin_line(chosen)
        picture, form = st.columns([1, 3], gap="large")
        with picture:
            _scan_card(chosen)
        with form:
            models = models_to_compare(chosen.task)
            if not _allowed(chosen, models):
                lab_link.write({})
                return
            option = attack_picker()
            held = _held(chosen)
            following = option.live and held is not None and held.option.key == option.key
            choice, pressed = attack_form(option, task, models, following=following)
            wanted = lab_link.parameters(chosen, choice, models)
            lab_link.write(wanted)
            lab_link.link_box(wanted)
    if models and option.live and (pressed or (following and state.lab_asked() != _asked(choice, models))):
        _follow(chosen, choice, models)
    elif models and pressed:
        _run(chosen, choice, models)
    elif state.lab_note():
        st.warning(tr(str(state.lab_note())), icon=":material/cancel:")
    result = _held(chosen)
    if result is None:
        st.caption(
            tr(
                "Press the button: each model is attacked for itself, and random noise of the same size is run beside "
                "it as a control."
            )
        )
        return
    _show(result, chosen)


def _allowed(chosen: Chosen, models: Sequence[ModelChoice]) -> bool:
    """Whether the scan may be attacked: every model takes it, or the reader wants it all the same."""
    try:
        readings = guards(chosen, models)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return False
    return may_use(chosen, readings, task=services.tasks()[chosen.task], key="lab")


def _held(chosen: Chosen) -> LabResult | None:
    """The last result, where it is one of this scan."""
    result = state.lab_result()
    if result is None or result.fingerprint != chosen.fingerprint or result.task != chosen.task:
        return None
    return result


def _asked(choice: AttackChoice, models: Sequence[ModelChoice]) -> str:
    """Names what the form asks for: while it stays the same, a result taken back from the history stays as well."""
    return repr((choice, [model.id for model in models]))


def _scan_card(chosen: Chosen) -> None:
    picture = services.thumbnail_of(chosen.task, chosen.fingerprint, chosen.scan)
    st.image(picture, clamp=True, width=224, alt=tr("{scan}, as the models see it", scan=tr(chosen.title)))
    st.caption(chosen.short_id)
    st.page_link("dashboard/views/diagnose/page.py", label=tr("Other scan"), icon=":material/arrow_back:")


def _follow(chosen: Chosen, choice: AttackChoice, models: Sequence[ModelChoice]) -> None:
    """Run an attack of one step for the settings as they are now."""
    state.forget_lab(asked=_asked(choice, models))
    try:
        spec, source = services.checked(choice, chosen.task)
        with working(tr("Attacking…"), quick=True):
            readings = _clean_readings(chosen, models, target=choice.target)
            outcomes = tuple(services.attack(clean, spec, lambda *news: None, source=source) for clean in readings)
    except MedDefError as error:
        st.error(str(error), icon=":material/error:")
        return
    state.keep_lab_result(
        LabResult(chosen.fingerprint, chosen.task, services.option(spec.name), spec, source, outcomes)
    )


def _run(chosen: Chosen, choice: AttackChoice, models: Sequence[ModelChoice]) -> None:
    """Attack every model in turn; Streamlit ends this script at the next progress update when Cancel is pressed."""
    state.forget_lab()
    box = st.empty()
    with box.container(border=True):
        bar = st.progress(0.0, text=tr("Starting…"))
        st.button(tr("Cancel"), key="cancel_attack", icon=":material/stop_circle:", on_click=state.note_cancelled)
    outcomes: list[AttackOutcome] = []

    def on_wait(where: QueuePlace) -> None:
        bar.progress(0.0, text=waiting_words(where))

    try:
        spec, source = services.checked(choice, chosen.task)
        attacked = _without(source, models)
        with services.turn(on_wait):
            readings = _clean_readings(chosen, attacked, target=choice.target)

            @paced
            def on_progress(what: str, step: int, total: int) -> None:
                words = tr("{what}: step {step} of {total}", what=what, step=step, total=total)
                bar.progress((len(outcomes) + step / total) / len(readings), text=words)

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
        raise AttackError(
            tr("The picture is made on the only model chosen; compare another one, or change the source.")
        )
    return others


def _clean_readings(chosen: Chosen, models: Sequence[ModelChoice], *, target: str | None) -> list[Reading]:
    """Every model's reading; AttackError when one gives the target already."""
    readings = [services.read(model, chosen.fingerprint, chosen.scan) for model in models]
    for clean in readings:
        if clean.label == target:
            words = class_words(services.tasks()[chosen.task], clean.label)
            raise AttackError(
                tr(
                    "{model} already predicts {label} for this scan; aim at another class.",
                    model=tr(clean.model.title),
                    label=words,
                )
            )
    return readings


def _show(result: LabResult, chosen: Chosen) -> None:
    task = services.tasks()[chosen.task]
    st.header(tr("2 · What the attack did"), anchor=False)
    st.caption(f"{id_words(chosen)} · {comparison.settings_words(result, task=task)}")
    scan_notes([outcome.clean for outcome in result.outcomes], task=task)
    comparison.verdicts(result, task=task, truth=chosen.truth)
    export_buttons(result, chosen, key="attack")
    st.header(tr("3 · What was added to the scan"), anchor=False)
    comparison.pictures(result, short_id=chosen.short_id)
    comparison.measurements(result)
    st.header(tr("4 · Step by step"), anchor=False)
    course(result, task=task)
    st.header(tr("5 · What moved the output, before and after"), anchor=False)
    if st.toggle(tr("Draw the maps"), key="lab_maps", help=tr("Some seconds for each model and picture.")):
        maps_before_after(result)
    else:
        st.caption(tr("The maps of the clean and of the attacked scan are drawn when you ask for them."))
    st.header(tr("6 · How robust each model is on this scan"), anchor=False)
    sweeps_card(result, task=task)
    st.header(tr("7 · Does the picture fool another model?"), anchor=False)
    transfer_card(result, task=task)
    certified = certificates.certified_model(chosen.task)
    if certified is not None:
        st.header(tr("8 · What provably cannot change it"), anchor=False)
        attack = result.spec.eps if result.option.norm == "linf" else None
        certificate_card(chosen, certified, task=task, key="lab", attack=attack)


page()
