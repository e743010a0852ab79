"""What a reader may change on a step's live card; every change goes into the step's link."""

from collections.abc import Callable

import streamlit as st

from dashboard.components.budgets import NORMS
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services import teaching_broken
from dashboard.services.lessons.model import DEFENCES, StepState
from dashboard.session.lesson_place import USED, LessonPlace, attacks_for, change, norm_of

SPARSITIES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
ONE_MODEL = ("scan", "maps", "controls", "broken")
"""Views that show one model: more would be too long for a screen."""


def step_controls(place: LessonPlace, own: StepState, state: StepState) -> None:
    """One row of choices; each starts where the lesson, or the link, has put it."""
    suffix = f"{place.lesson}_{place.step}"
    used = USED[own.view]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if "sample" in used:
            _sample(own, state, suffix)
        if "model" in used:
            _models(own, state, suffix)
        if "attack" in used:
            _choice(
                "attack",
                tr("lab.attack", "Attack"),
                [o.key for o in attacks_for(own)],
                state.attack,
                suffix,
                _attack_title,
            )
        if "defence" in used:
            _choice(
                "defence",
                tr("teach.broken-defence", "Broken defence"),
                list(DEFENCES),
                state.defence,
                suffix,
                _defence_title,
            )
        if "eps" in used:
            _eps(own, state, suffix)
        if "sparsity" in used:
            _sparsity(state, suffix)


def _choice(
    name: str, label: str, options: list[str], value: str | None, suffix: str, title: Callable[[str], str]
) -> None:
    key = f"teach_{name}_{suffix}"
    st.selectbox(
        label,
        options,
        index=options.index(value) if value in options else 0,
        format_func=title,
        key=key,
        width=240,
        on_change=change,
        args=(name, key),
    )


def _attack_title(key: str) -> str:
    return tr(services.option(key).title)


def _defence_title(key: str) -> str:
    return tr(teaching_broken.title_of(key))


def _sample(own: StepState, state: StepState, suffix: str) -> None:
    offered: dict[str, str] = {sample.key: sample.title for sample in services.samples(own.task)}
    keys = list(offered) if state.sample in offered else [state.sample, *offered]
    _choice("sample", tr("lab.scan", "Scan"), keys, state.sample, suffix, lambda key: tr(offered.get(key) or key))


def _models(own: StepState, state: StepState, suffix: str) -> None:
    titles = {choice.id.rpartition("/")[2]: tr(choice.title) for choice in services.models(own.task)}
    if own.view in ONE_MODEL:
        _choice(
            "model",
            tr("diagnose.model", "Model"),
            list(titles),
            state.models[0],
            suffix,
            lambda name: titles.get(name, name),
        )
        return
    key = f"teach_model_{suffix}"
    with st.popover(tr("about.models", "Models"), icon=":material/tune:"):
        st.pills(
            tr("about.models", "Models"),
            list(titles),
            default=[name for name in state.models if name in titles],
            format_func=lambda name: titles.get(name, name),
            selection_mode="multi",
            wrap=True,
            key=key,
            width=320,
            on_change=change,
            args=("model", key),
            label_visibility="collapsed",
        )


def _eps(own: StepState, state: StepState, suffix: str) -> None:
    norm = NORMS[norm_of(own)]
    offered = sorted({*norm.offered, state.eps or 0.0})
    key = f"teach_eps_{suffix}"
    st.selectbox(
        tr("teach.budget-eps-2", "Attack strength ε"),
        offered,
        index=offered.index(state.eps or 0.0),
        format_func=norm.words,
        key=key,
        width=240,
        on_change=change,
        args=("eps", key),
    )


def _sparsity(state: StepState, suffix: str) -> None:
    value = state.sparsity or 0.0
    offered = sorted({*SPARSITIES, value})
    key = f"teach_sparsity_{suffix}"
    st.select_slider(
        tr("teach.share-weights", "Share of weights removed"),
        offered,
        value=value,
        format_func=_share,
        key=key,
        width=320,
        on_change=change,
        args=("sparsity", key),
    )


def _share(share: float) -> str:
    return f"{100 * share:g}%"
