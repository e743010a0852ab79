"""The attack form, built from the registry's metadata: a new attack appears here by itself."""

import streamlit as st

from dashboard import services
from dashboard.results import AttackChoice, AttackOption
from dashboard.ui.words import class_words, eps_words
from meddef_core.data.tasks import Task

PAPER_BUDGETS = (0.05, 0.10)
"""Epsilons of the paper's tables."""

BUDGETS = tuple(sorted([k / 255 for k in range(17)] + list(PAPER_BUDGETS)))
"""What the slider offers, in pixel units."""

DEFAULT_BUDGET = 4 / 255

LOSSES = {"ce": "Cross-entropy", "margin": "Margin"}
LOSS_HELP = "Cross-entropy makes the model's own class unlikely; margin puts another class ahead of it."

ANY_CLASS = "any other class"
MAX_STEPS, MAX_RESTARTS, MAX_SEED = 100, 5, 2**31 - 1


def attack_form(task: Task) -> AttackChoice | None:
    """The settings when the button was pressed, else None."""
    option = _attack_picker()
    count = len(services.models(task.key))
    models = "both models" if count == 2 else f"all {count} models"
    with st.form("attack_form", border=False):
        left, right = st.columns(2, gap="medium")
        with left:
            eps = _budget_slider()
            steps = _steps(option)
        with right:
            target = _target(option, task)
            loss = _loss(option)
        restarts, seed = _repeats(option)
        pressed = st.form_submit_button(
            f"Run {option.title} on {models}", key="run_attack", type="primary", icon=":material/bolt:"
        )
    if not pressed:
        return None
    return AttackChoice(attack=option.key, eps=eps, steps=steps, loss=loss, target=target, restarts=restarts, seed=seed)


def _attack_picker() -> AttackOption:
    options = {option.key: option for option in services.attack_options()}
    key = st.segmented_control(
        "Attack",
        list(options),
        format_func=lambda key: options[key].title,
        default="pgd" if "pgd" in options else next(iter(options)),
        required=True,
        key="attack",
        persist_state="session",
    )
    option = options.get(str(key), next(iter(options.values())))
    st.caption(f"{option.one_line}", help=f"{option.threat.capitalize()}. {option.citation}.")
    return option


def _budget_slider() -> float:
    eps = st.select_slider(
        "Budget ε: the most any pixel may change",
        BUDGETS,
        value=DEFAULT_BUDGET,
        format_func=lambda eps: eps_words(eps) + (", paper" if eps in PAPER_BUDGETS else ""),
        key="eps",
        persist_state="session",
        help="In steps of 1/255, the grey levels of an 8-bit picture; 0.05 and 0.10 are the budgets of the paper.",
    )
    return min(max(float(eps), 0.0), 1.0)


def _steps(option: AttackOption) -> int:
    if "steps" not in option.settings:
        return 1
    return st.slider("Gradient steps", 1, MAX_STEPS, 20, key="steps", persist_state="session")


def _target(option: AttackOption, task: Task) -> str | None:
    if "target" not in option.settings:
        return None
    names = [ANY_CLASS, *task.classes]
    picked = st.selectbox(
        "Aim",
        names,
        format_func=lambda name: name if name == ANY_CLASS else class_words(task, name),
        key=f"target_{task.key}",
        persist_state="session",
        help="Untargeted, or towards one class.",
    )
    return picked if picked in task.classes else None


def _loss(option: AttackOption) -> str:
    if "loss" not in option.settings:
        return "ce"
    picked = st.selectbox(
        "Loss to climb",
        list(LOSSES),
        format_func=LOSSES.__getitem__,
        key="loss",
        persist_state="session",
        help=LOSS_HELP,
    )
    return picked if picked in LOSSES else "ce"


def _repeats(option: AttackOption) -> tuple[int, int]:
    restarts, seed = 1, 0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if "restarts" in option.settings:
            restarts = st.number_input(
                "Random starts", 1, MAX_RESTARTS, 1, key="restarts", width=150, persist_state="session"
            )
        seed = st.number_input(
            "Seed",
            0,
            MAX_SEED,
            0,
            key="seed",
            width=150,
            persist_state="session",
            help="The same seed gives the same result, noise included.",
        )
    return int(restarts), int(seed)
