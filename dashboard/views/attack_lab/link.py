"""The link that opens the laboratory as it is set: sample, models, attack, budget, steps and seed; never an upload."""

import math
from collections.abc import Callable

import streamlit as st

from dashboard.components.budgets import offered
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services import teaching
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import AttackChoice, AttackOption, ModelChoice
from dashboard.services.words import parse_eps
from dashboard.session import deep_link, state
from dashboard.session.deep_link import written
from dashboard.session.state import Chosen
from dashboard.views.attack_lab.attack_form import MAX_SEED, USUAL, attack_key

NAMES = ("task", "sample", "model", "attack", "eps", "steps", "seed")
"""Parameters of a link; `model` holds names with commas between them, `task` stands in for the sample of an upload."""

WRITTEN, REFUSED = "lab_link_written", "lab_link_refused"

REMEMBERED = 50
"""Addresses that a session wrote and knows again: a browser that moves a slider may still send an earlier one."""


def take() -> None:
    """Set the form as a link says that the session was just opened with. Call before any widget of the page is drawn.

    A link is checked like a form; what it asks for in vain is named by `refused_line`, and the rest is set.
    """
    asked = deep_link.asked(NAMES)
    if not asked or asked in st.session_state.get(WRITTEN, ()):
        return
    st.session_state[WRITTEN] = [asked, *st.session_state.get(WRITTEN, ())][:REMEMBERED]
    setters: dict[str, Callable[[str], None]] = {
        "task": _set_task,
        "sample": _set_sample,
        "model": _set_models,
        "attack": _set_attack,
        "eps": _set_eps,
        "steps": _set_steps,
        "seed": _set_seed,
    }
    refused = []
    for name in NAMES:
        if name in asked:
            try:
                setters[name](asked[name])
            except (MedDefError, ValueError):
                refused.append(name)
    st.session_state[REFUSED] = tuple(refused)


def refused_line() -> None:
    """One sentence on what the last link asked for in vain."""
    refused = st.session_state.get(REFUSED)
    if refused:
        st.warning(
            tr(
                "lab.link-asked",
                "The link asked for something that is not here or out of bounds ({names}); the form's own setting is "
                "shown instead.",
                names=", ".join(refused),
            ),
            icon=":material/link_off:",
        )


def parameters(chosen: Chosen, choice: AttackChoice, models: tuple[ModelChoice, ...]) -> dict[str, str]:
    """Everything that a link to the form as it is names; a sample by its key, so never an upload."""
    found = {"task": chosen.task} if chosen.sample is None else {"sample": chosen.sample}
    if models:
        found["model"] = written([model.id.rpartition("/")[2] for model in models])
    found |= {"attack": choice.attack, "eps": written(choice.eps)}
    if choice.steps is not None:
        found["steps"] = str(choice.steps)
    return found | {"seed": str(choice.seed)}


def write(wanted: dict[str, str]) -> None:
    """Put the form's parameters into the browser's address, and take out those that it has no more."""
    deep_link.write(NAMES, wanted)
    known = [each for each in st.session_state.get(WRITTEN, ()) if each != wanted]
    st.session_state[WRITTEN] = [wanted, *known][:REMEMBERED]


def link_box(wanted: dict[str, str]) -> None:
    """The link, ready to copy, in the reader's language."""
    st.markdown(f"**{tr('lab.link-these', 'Link to these settings')}**")
    st.code(deep_link.address(wanted, page="attack-lab"), language=None, wrap_lines=True)
    st.caption(
        tr(
            "lab.opens-laboratory",
            "Opens the laboratory with this sample, these models, attack, attack strength, steps and seed; the other "
            "settings are as usual. A link never leads to an upload.",
        )
    )


# ---- a link's values, checked ------------------------------------------------------------------------------------


def _set_task(value: str) -> None:
    if value not in services.tasks():
        raise ValueError(value)
    if value != state.task():
        st.session_state["task"] = value
        state.change_task()


def _set_sample(value: str) -> None:
    sample = teaching.find_sample(value)
    held = state.chosen()
    if held is None or held.sample != sample.key:
        st.session_state["task"] = sample.task
        state.choose_sample(sample)


def _set_models(value: str) -> None:
    task = state.task()
    found = services.compared(task, [f"{task}/{name}" for name in dict.fromkeys(value.split(","))])
    st.session_state[f"compare_{task}"] = [model.id for model in found]


def _set_attack(value: str) -> None:
    option = _offered_attack(value)
    st.session_state["threat"] = option.threat
    st.session_state[attack_key(option.threat)] = option.key


def _set_eps(value: str) -> None:
    option = _attack_in_view()
    eps = parse_eps(value, norm=option.norm)
    near = [each for each in offered(option) if math.isclose(each, eps, abs_tol=1e-9)]
    if not near:
        raise ValueError(value)
    st.session_state[f"eps_{option.norm}"] = near[0]


def _set_steps(value: str) -> None:
    option = _attack_in_view()
    if "steps" in option.settings:
        st.session_state[f"steps_{option.key}"] = _whole(value, 1, services.most(option.key, "steps"))


def _set_seed(value: str) -> None:
    st.session_state["seed"] = _whole(value, 0, MAX_SEED)


def _whole(value: str, low: int, high: int) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= len(str(high)) and low <= int(value) <= high):
        raise ValueError(value)
    return int(value)


def _offered_attack(key: str) -> AttackOption:
    for option in services.attack_options():
        if option.key == key:
            return option
    raise ValueError(key)


def _attack_in_view() -> AttackOption:
    """The attack that the form is about to show, whose norm and limits the other values must keep."""
    options = services.attack_options()
    threat = str(st.session_state.get("threat", options[0].threat))
    return _offered_attack(str(st.session_state.get(attack_key(threat), USUAL.get(threat, ""))))
