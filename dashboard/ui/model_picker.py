"""Choosing one of a task's models."""

import streamlit as st

from dashboard import services
from dashboard.results import ModelChoice


def model_picker(task: str, *, key: str) -> ModelChoice | None:
    """The chosen model; MedDef unless the reader says otherwise. None, said in words, where there is no model."""
    choices = {choice.id: choice for choice in services.models(task)}
    if not choices:
        st.error(
            "There is no trained model for this kind of scan; train one with `meddef train` or restore assets/models.",
            icon=":material/error:",
        )
        return None
    model_id = st.segmented_control(
        "Model",
        list(choices),
        format_func=lambda model_id: choices[model_id].title,
        default=next(iter(choices)),
        required=True,
        key=f"{key}_{task}",
        persist_state="session",
    )
    choice = choices.get(str(model_id), next(iter(choices.values())))
    st.caption(choice.summary)
    return choice
