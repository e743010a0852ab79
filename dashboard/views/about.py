"""Page "About": what this is for, the models with what was measured of them, the data, the limits."""

import streamlit as st

from dashboard import services
from dashboard.ui.model_cards import model_cards
from meddef_core.intended_use import INTENDED_USE

LIMITS = (
    "Two narrow questions only: four classes of retinal OCT B-scans of adults, and pneumonia or not on chest "
    "radiographs of children. Any other picture gets an answer too, and that answer means nothing.",
    "Probabilities are the model's own scoring and are not calibrated. They do not say how likely a disease is.",
    "Scans of other devices, hospitals, ages and projections were not tested.",
    "Robust here means: against the attacks listed, at the budgets listed, on the test lists listed. "
    "A stronger attack may still succeed.",
    "Maps show what moved a model's output, not where disease is.",
    "In most places software that analyses medical images is a medical device. This is a research and teaching tool "
    "and has not been assessed as one.",
)

PRIVACY = (
    "Uploads are read in this server's memory, are never written to disk, and go with the session or with "
    "**Clear everything**. File names are not kept.",
    "Of a DICOM header only a short allow-list stays (modality, view, size, bits and the like); the page says how many "
    "elements were removed. Text burned into the picture itself cannot be removed: do not upload such pictures.",
    "The pages ask no other host for anything, and no usage statistics are sent.",
)


def page() -> None:
    """Five sections, each read from the place that owns the facts."""
    st.title("About MedDef", anchor=False)
    st.header("Intended use", anchor=False)
    st.markdown(INTENDED_USE)
    st.markdown(
        "MedDef adds a defence module (DAAM) and self-attention to a ResNet-18, and is trained on attacked scans, so "
        "that small deliberate changes of a scan move its output less. The page *Attack lab* shows this on live "
        "gradients, beside an undefended network that was trained on clean scans only."
    )
    st.header("Models", anchor=False)
    model_cards(services.cards())
    st.header("Data", anchor=False)
    _data()
    st.header("Limits", anchor=False)
    st.markdown("\n".join(f"- {limit}" for limit in LIMITS))
    st.header("Privacy", anchor=False)
    st.markdown("\n".join(f"- {line}" for line in PRIVACY))


def _data() -> None:
    for task in services.tasks().values():
        st.markdown(f"- **{task.title}** ({', '.join(task.words.values())}): {task.source}. Licence: {task.licence}.")


page()
