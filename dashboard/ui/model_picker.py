"""Choosing one of a task's models, or several to compare."""

import streamlit as st

from dashboard import services
from dashboard.language import tr
from dashboard.results import ModelChoice
from meddef_core.errors import ModelError

COMPARED = ("undefended", "meddef")
"""Names of the models that stand side by side unless the reader says otherwise."""


def model_picker(task: str, *, key: str) -> ModelChoice | None:
    """The chosen model; MedDef unless the reader says otherwise. None, said in words, where there is no model."""
    choices = {choice.id: choice for choice in services.models(task)}
    if not choices:
        st.error(
            tr(
                "There is no trained model for this kind of scan; train one with `meddef train` or restore "
                "assets/models."
            ),
            icon=":material/error:",
        )
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
    choices = {choice.id: choice for choice in services.comparable(task)}
    usual = [choice for choice in choices if choice.rpartition("/")[2] in COMPARED]
    picked = st.pills(
        tr("Models to compare"),
        list(choices),
        default=usual or list(choices)[:2],
        format_func=lambda key: tr(choices[key].title) if key in choices else key,
        selection_mode="multi",
        key=f"compare_{task}",
        persist_state="session",
        help=tr(
            "Defences known from the literature stand around the undefended model. Each is attacked through its "
            "defence, which the attacker knows."
        ),
    )
    try:
        return services.compared(task, picked)
    except ModelError as error:
        st.warning(str(error), icon=":material/warning:")
        return ()
