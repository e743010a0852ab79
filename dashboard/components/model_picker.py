"""Choosing one of a task's models, or several to compare."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.language import tr
from dashboard.services import inspection
from dashboard.services import shared as services
from dashboard.services.errors import ModelError
from dashboard.services.limits import MOST_MODELS
from dashboard.services.results.common import ModelChoice
from dashboard.services.words import Text

NO_MODEL = Text(
    "diagnose.there-no",
    "There is no trained model for this kind of scan; train one with `meddef train` or restore assets/models.",
)

COMPARED = ("undefended", "meddef")
"""Names of the models that stand side by side unless the reader says otherwise."""

MORE = "more"
"""The segment that opens the models which are neither of these two."""


def model_picker(task: str, *, key: str, summary: bool = True) -> ModelChoice | None:
    """The chosen model; MedDef unless the reader says otherwise. None, said in words, where there is no model.

    `summary` says below it what the model is.
    """
    choices = {choice.id: choice for choice in services.models_to_read_with(task)}
    if not choices:
        st.error(tr(NO_MODEL), icon=":material/error:")
        return None
    choice = choices.get(_picked(choices, key=f"{key}_{task}"), next(iter(choices.values())))
    if summary:
        st.caption(tr(choice.summary))
    return choice


def _picked(choices: Mapping[str, ModelChoice], *, key: str) -> str:
    """Id of the model: one of the two that are usually compared, or of more models, which open on demand."""
    usual = [choice for choice in choices if choice.rpartition("/")[2] in COMPARED]
    more = [choice for choice in choices if choice not in usual]
    first, rest = (usual, more) if usual and len(more) > 1 else (list(choices), [])
    if st.session_state.get(key) in rest:  # as the history sets it
        st.session_state[f"{key}_more"] = st.session_state[key]
        st.session_state[key] = MORE
    picked = st.segmented_control(
        tr("diagnose.model", "Model"),
        [*first, MORE] if rest else first,
        format_func=lambda choice: _segment(choices, choice),
        default=None if key in st.session_state else first[0],
        required=True,
        key=key,
        label_visibility="collapsed",
        persist_state="session",
        wrap=True,  # in a narrow column the last segment would be cut
    )
    if picked != MORE:
        return str(picked)
    return str(
        st.selectbox(
            tr("diagnose.more-models", "More models"),
            rest,
            format_func=lambda choice: tr(choices[choice].title),
            key=f"{key}_more",
            label_visibility="collapsed",
            persist_state="session",
        )
    )


def _segment(choices: Mapping[str, ModelChoice], choice: str) -> str:
    """A segment's label; the undefended model's is short, so that all three stand in a narrow column."""
    if choice == MORE:
        return tr("diagnose.more", "More")
    return tr("lab.undefended", "Undefended") if choice.endswith("/undefended") else tr(choices[choice].title)


def models_to_compare(task: str) -> tuple[ModelChoice, ...]:
    """The chosen models, in a fixed order; none, said in words, where the choice is none or not possible."""
    picked = _pills(
        services.comparable(task),
        label=tr("diagnose.models-compare", "Models to compare"),
        key=f"compare_{task}",
        help=tr(
            "diagnose.defences-known",
            "Defences known from the literature stand around the undefended model. Each is attacked through its "
            "defence, which the attacker knows.",
        ),
    )
    return _checked(task, picked)


def models_with_maps(task: str) -> tuple[ModelChoice, ...]:
    """As `models_to_compare`, of the task's networks alone: only they have maps."""
    networks = inspection.choices(task)
    if not networks:
        st.error(tr(NO_MODEL), icon=":material/error:")
        return ()
    picked = _pills(
        networks,
        label=tr("attention.models-side", "Models, side by side"),
        key=f"attention_models_{task}",
        help=tr(
            "attention.most-n",
            "At most {n}. Only networks have maps: a defence around another model has none.",
            n=MOST_MODELS,
        ),
    )
    return _checked(task, picked)


def _pills(offered: Sequence[ModelChoice], *, label: str, key: str, help: str) -> list[str]:
    """Ids of the models picked, at first of those that are usually compared."""
    choices = {choice.id: choice for choice in offered}
    usual = [choice for choice in choices if choice.rpartition("/")[2] in COMPARED]
    return st.pills(
        label,
        list(choices),
        default=usual or list(choices)[:2],
        format_func=lambda key: tr(choices[key].title) if key in choices else key,
        selection_mode="multi",
        wrap=True,
        key=key,
        persist_state="session",
        help=help,
    )


def _checked(task: str, picked: Sequence[str]) -> tuple[ModelChoice, ...]:
    try:
        return services.compared(task, picked)
    except ModelError as error:
        st.warning(tr(str(error)), icon=":material/warning:")
        return ()
