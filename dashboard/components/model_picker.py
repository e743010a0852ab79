"""Choosing one of a task's models, or several to compare."""

from collections.abc import Sequence

import streamlit as st

from dashboard.language import tr
from dashboard.services import inspection
from dashboard.services import shared as services
from dashboard.services.errors import ModelError
from dashboard.services.limits import MOST_MODELS
from dashboard.services.results.common import ModelChoice

NO_MODEL = "There is no trained model for this kind of scan; train one with `meddef train` or restore assets/models."

COMPARED = ("undefended", "meddef")
"""Names of the models that stand side by side unless the reader says otherwise."""


def model_picker(task: str, *, key: str) -> ModelChoice | None:
    """The chosen model; MedDef unless the reader says otherwise. None, said in words, where there is no model."""
    choices = {choice.id: choice for choice in services.models_to_read_with(task)}
    if not choices:
        st.error(tr(NO_MODEL), icon=":material/error:")
        return None
    model_id = st.segmented_control(
        tr("Model"),
        list(choices),
        format_func=lambda model_id: tr(choices[model_id].title),
        default=next(iter(choices)),
        required=True,
        key=f"{key}_{task}",
        persist_state="session",
    )
    choice = choices.get(str(model_id), next(iter(choices.values())))
    st.caption(tr(choice.summary))
    return choice


def models_to_compare(task: str) -> tuple[ModelChoice, ...]:
    """The chosen models, in a fixed order; none, said in words, where the choice is none or not possible."""
    picked = _pills(
        services.comparable(task),
        label=tr("Models to compare"),
        key=f"compare_{task}",
        help=tr(
            "Defences known from the literature stand around the undefended model. Each is attacked through its "
            "defence, which the attacker knows."
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
        label=tr("Models, side by side"),
        key=f"attention_models_{task}",
        help=tr("At most {n}. Only networks have maps: a defence around another model has none.", n=MOST_MODELS),
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
        st.warning(str(error), icon=":material/warning:")
        return ()
