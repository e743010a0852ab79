"""The settings of an attack, built from the registry's metadata: a new attack appears here by itself."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.words import class_words
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.results.common import AttackChoice, AttackOption, ModelChoice
from dashboard.services.tasks import Task
from dashboard.services.words import Text

THREATS = {"white box": Text("lab.white-box", "White box"), "black box": Text("lab.black-box", "Black box")}

LOSSES = {"ce": Text("lab.cross-entropy", "Cross-entropy"), "margin": Text("lab.margin", "Margin")}

COUNTS = {
    "restarts": (Text("lab.random-starts", "Random starts"), Text("lab.best-all", "The best of all starts is shown.")),
    "samples": (
        Text("lab.samples-step", "Samples a step"),
        Text("lab.gradients-questions", "Gradients, or questions to the model, averaged into one step."),
    ),
    "search_steps": (
        Text("lab.search-rounds", "Search rounds"),
        Text("lab.rounds-search", "Rounds of the search for the trade-off between success and size."),
    ),
}
"""Whole-number settings: their names and what they mean."""

ANY_CLASS = Text("lab.any-other", "any other class")
MAX_SEED = 2**31 - 1
USUAL = {"white box": "pgd", "black box": "square"}
"""Attack of each threat that the form shows unless the reader says otherwise."""

FIELD = 150
"""Width of a number field in pixels."""


def attack_picker() -> AttackOption:
    """What the attacker may see comes first: it is the question that a reader can answer without knowing attacks."""
    options = services.attack_options()
    threats = [threat for threat in THREATS if any(option.threat == threat for option in options)]
    threat = st.segmented_control(
        tr("lab.what-attacker", "What the attacker knows"),
        threats,
        format_func=lambda threat: tr(THREATS[threat]),
        default=threats[0],
        required=True,
        key="threat",
        persist_state="session",
        help=tr(
            "lab.white-box-attacker",
            "White box: the attacker follows the model's own gradients. Black box: the attacker only sees what the "
            "model puts out, or makes the picture on another model.",
        ),
    )
    threat = threat if threat in threats else threats[0]
    group = {option.key: option for option in options if option.threat == threat}
    keys = list(group)
    key = st.selectbox(
        tr("lab.attack", "Attack"),
        keys,
        index=keys.index(USUAL[threat]) if USUAL[threat] in group else 0,
        format_func=lambda key: tr(group[key].title) if key in group else key,
        key=attack_key(threat),
        persist_state="session",
    )
    option = group.get(str(key), group[keys[0]])
    st.caption(tr(option.one_line), help=f"{tr(THREATS[option.threat])}. {option.citation}.")
    return option


def attack_key(threat: str) -> str:
    """Key of the field that holds the attack chosen among those of one threat."""
    return f"attack_{threat.replace(' ', '_')}"


def settings(option: AttackOption, task: Task) -> AttackChoice:
    """Every setting of the attack but its strength, which is 0 here. `services.checked` does the checking."""
    steps, target, loss, source = _steps(option), _target(option, task), _loss(option), _source(option, task)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        counts = {setting: _count(option, setting) for setting in COUNTS}
        theta = _theta(option)
        seed = _seed()
    return AttackChoice(
        attack=option.key,
        eps=0.0,
        steps=steps,
        loss=loss,
        target=target,
        source=source,
        seed=seed,
        theta=theta,
        **counts,
    )


def run_button(option: AttackOption, models: Sequence[ModelChoice]) -> bool:
    """Whether the one button of the page was pressed."""
    return st.button(
        tr("lab.run-attack", "Run {attack} on {models}", attack=tr(option.title), models=_on_words(option, models)),
        key="run_attack",
        type="primary",
        icon=":material/bolt:",
        disabled=not models,
    )


def _on_words(option: AttackOption, models: Sequence[ModelChoice]) -> str:
    if option.needs_source:
        return tr("lab.other-models", "the other models")
    if len(models) == 1:
        return tr(models[0].title)
    return tr("lab.both-models", "both models") if len(models) == 2 else tr("lab.n-models", "{n} models", n=len(models))


def _steps(option: AttackOption) -> int | None:
    if "steps" not in option.settings:
        return None
    by_gradient = option.threat == "white box" or option.needs_source
    return st.slider(
        tr("lab.gradient-steps", "Gradient steps") if by_gradient else tr("lab.steps", "Steps"),
        1,
        services.most(option.key, "steps"),
        option.usual.steps,
        key=f"steps_{option.key}",
        persist_state="session",
    )


def _target(option: AttackOption, task: Task) -> str | None:
    if "target" not in option.settings:
        return None
    names = [ANY_CLASS, *task.classes]
    picked = st.selectbox(
        tr("lab.aim", "Aim"),
        names,
        format_func=lambda name: (
            tr("lab.any-other", "any other class") if name == ANY_CLASS else class_words(task, name)
        ),
        key=f"target_{task.key}",
        persist_state="session",
        help=tr("lab.untargeted-towards", "Untargeted, or towards one class."),
    )
    return None if picked == ANY_CLASS else picked


def _loss(option: AttackOption) -> str | None:
    if "loss" not in option.settings:
        return None
    return st.selectbox(
        tr("lab.attack-objective", "Attack objective"),
        list(LOSSES),
        index=list(LOSSES).index(option.usual.loss),
        format_func=lambda loss: tr(LOSSES[loss]),
        key=f"loss_{option.key}",
        persist_state="session",
        help=tr(
            "lab.cross-entropy-makes",
            "Cross-entropy makes the model's own class unlikely; margin puts another class ahead of it.",
        ),
    )


def _source(option: AttackOption, task: Task) -> str | None:
    """Any trained model of the task can be the source; it then stays out of the comparison."""
    if not option.needs_source:
        return None
    titles = {model.id: tr(model.title) for model in services.models(task.key)[::-1]}
    picked = st.selectbox(
        tr("lab.source-model", "Source: the model the picture is made on"),
        list(titles),
        format_func=titles.__getitem__,
        key=f"source_{task.key}",
        persist_state="session",
        help=tr(
            "lab.gradients-alone",
            "Its gradients alone make the picture; it is not attacked itself: that would be a white-box attack.",
        ),
    )
    return str(picked)


def _count(option: AttackOption, setting: str) -> int | None:
    if setting not in option.settings:
        return None
    label, meaning = COUNTS[setting]
    return st.number_input(
        tr(label),
        1,
        services.most(option.key, setting),
        getattr(option.usual, setting),
        key=f"{setting}_{option.key}",
        width=FIELD,
        persist_state="session",
        help=tr(meaning),
    )


def _theta(option: AttackOption) -> float | None:
    if "theta" not in option.settings:
        return None
    return st.number_input(
        tr("lab.change-one", "Change of one value"),
        0.01,
        1.0,
        option.usual.theta,
        0.05,
        key=f"theta_{option.key}",
        width=FIELD,
        persist_state="session",
        help=tr("lab.how-far", "How far one value moves in one step; 1 is from black to white."),
    )


def _seed() -> int:
    return st.number_input(
        tr("lab.seed", "Seed"),
        0,
        MAX_SEED,
        0,
        key="seed",
        width=FIELD,
        persist_state="session",
        help=tr("lab.same-seed", "The same seed gives the same result, noise included."),
    )
