"""What the attention page works on: models, a quick attack on each, and what every model made of the scan."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components.budgets import budget_slider, budget_words
from dashboard.components.progress import OnShare
from dashboard.components.slow_section import computed
from dashboard.components.words import class_code, output_words
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.results.attention import Inspected
from dashboard.services.results.common import AttackChoice, AttackOption, AttackOutcome, LabResult, ModelChoice
from dashboard.services.tasks import Task
from dashboard.session import history, state
from dashboard.session.state import Chosen

USUAL = "pgd"
"""Attack that is run unless the reader says otherwise."""


def attack_of(chosen: Chosen) -> LabResult | None:
    """The last attack of this session, where it is one on this scan."""
    result = state.lab_result()
    if result is None or (result.fingerprint, result.task) != (chosen.fingerprint, chosen.task):
        return None
    return result


def quick_attack(chosen: Chosen, models: Sequence[ModelChoice]) -> None:
    """The laboratory's form, cut down to attack and budget; what it finds is the laboratory's result too."""
    options = {option.key: option for option in services.attack_options() if _quick(option)}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        keys = list(options)
        key = st.selectbox(
            tr("lab.attack", "Attack"),
            keys,
            index=keys.index(USUAL) if USUAL in options else 0,
            format_func=lambda key: tr(options[key].title) if key in options else key,
            key="attention_attack",
            persist_state="session",
            width=220,
        )
        option = options.get(str(key), options[keys[0]])
        with st.container(width=320):
            eps = budget_slider(option)
        pressed = st.button(
            tr("attention.attack-each", "Attack each model"),
            key="attention_run",
            type="primary",
            icon=":material/bolt:",
            disabled=not models,
        )
    if pressed and models:
        _run(chosen, option, eps, models)


def _quick(option: AttackOption) -> bool:
    return option.threat == "white box" and option.norm == "linf" and not option.needs_source


def _run(chosen: Chosen, option: AttackOption, eps: float, models: Sequence[ModelChoice]) -> None:
    spec, source = services.checked(AttackChoice(attack=option.key, eps=eps), chosen.task)

    def work(on_share: OnShare) -> tuple[AttackOutcome, ...]:
        outcomes: list[AttackOutcome] = []
        for model in models:
            clean = services.read(model, chosen.fingerprint, chosen.scan)

            def on_progress(what: str, step: int, total: int, done: int = len(outcomes)) -> None:
                words = tr("lab.what-step", "{what}: step {step} of {total}", what=what, step=step, total=total)
                on_share(words, (done + step / total) / len(models))

            outcomes.append(services.attack(clean, spec, on_progress, source=source))
        return tuple(outcomes)

    found = computed("attention", repr((chosen.fingerprint, spec, models)), work)
    if found is not None:
        result = LabResult(chosen.fingerprint, chosen.task, option, spec, source, found)
        state.keep_lab_result(result)
        history.remember(chosen, result)


# ---- what was read -----------------------------------------------------------------------------------------------


def attack_line(attack: LabResult | None, inspected: Sequence[Inspected]) -> None:
    """Which attack stands beside the clean scan, or that none does."""
    if attack is None:
        st.caption(
            tr(
                "attention.no-attack",
                "No attack on this scan yet: the maps are of the clean scan alone. Press “Attack each model”.",
            )
        )
        return
    st.caption(
        tr(
            "attention.attacked-attack",
            "Attacked: {attack}, ε = {eps}, each model with its own gradients.",
            attack=tr(attack.option.title),
            eps=budget_words(attack.spec.eps, attack.option.norm),
        )
    )
    missing = [tr(each.model.title) for each in inspected if each.outcome is None]
    if missing:
        st.warning(
            tr(
                "attention.not-attacked-yet",
                "Not attacked yet, so shown clean only: {models}. Press the button above.",
                models=", ".join(missing),
            ),
            icon=":material/info:",
        )


def outputs_table(inspected: Sequence[Inspected], *, task: Task, truth: str | None) -> None:
    """Every model's output for the clean scan, the attacked one and noise of the same size."""
    rows = {tr(each.model.title): _outputs(each, task=task, truth=truth) for each in inspected}
    st.table(
        pd.DataFrame(
            rows,
            index=[
                tr("lab.clean", "Clean"),
                tr("lab.attacked", "Attacked"),
                tr("attention.noise-same", "Noise of the same size"),
            ],
        ).T
    )
    unknown = tr("diagnose.true-class", "The true class of this scan is not known here.")
    known = tr("diagnose.known-class", "Known class: {label}.", label=class_code(task, truth)) if truth else unknown
    st.caption(known + " " + tr("attention.model-outputs", "Model outputs with their probabilities, not diagnoses."))


def _outputs(inspected: Inspected, *, task: Task, truth: str | None) -> list[str]:
    clean = output_words(task, inspected.clean)
    if inspected.clean.abstained is None and truth is not None and inspected.clean.label != truth:
        clean = tr("attention.output-wrong", "{output}, wrong", output=clean)
    if inspected.outcome is None:
        return [clean, "–", "–"]
    after = [output_words(task, each.reading) for each in (inspected.outcome.attacked, inspected.outcome.noise)]
    labels = [each.reading.label for each in (inspected.outcome.attacked, inspected.outcome.noise)]
    changed = [
        tr("attention.output-changed", "{output}, changed", output=text) if label != inspected.clean.label else text
        for text, label in zip(after, labels, strict=True)
    ]
    return [clean, *changed]
