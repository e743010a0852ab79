"""Page "About": what this is for, the models with what was measured of them, the data, the limits."""

import streamlit as st

from dashboard.components.damaged import damaged_files
from dashboard.language import tr
from dashboard.services import records
from dashboard.services import shared as services
from dashboard.services.words import INTENDED_USE
from dashboard.views.about.model_cards import model_cards

WHAT = (
    "MedDef adds a defence module (DAAM) and self-attention to a ResNet-18, and is trained on attacked scans, so that "
    "small deliberate changes of a scan move its output less. The page *Attack lab* shows this on live gradients, "
    "beside an undefended network that was trained on clean scans only."
)

ABLATION = (
    "In our ablation DAAM gave no measurable benefit: networks trained without it were as accurate and as robust on "
    "both tasks. The robustness comes from adversarial training."
)

LIMITS = (
    "Two narrow questions only: four classes of retinal OCT B-scans of adults, and pneumonia or not on chest "
    "radiographs of children. What is not such a scan should be refused, but some such pictures get an answer all the "
    "same, and that answer means nothing.",
    "Probabilities are the model's own; where its card says so they were calibrated on validation patients. They do "
    "not say how likely a disease is in a patient of yours.",
    "On scans of two other hospitals the models abstained on most. Other devices and projections were not tested.",
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

CITE = (
    "Dongbo, Niu, Fero, Bargin, Kofa (2025). MedDef: An Efficient Self-Attention Model for Adversarial Resilience in "
    "Medical Imaging with Unstructured Pruning."
)


def page() -> None:
    """Sections, each read from the place that owns the facts."""
    st.title(tr("About MedDef"), anchor=False)
    st.header(tr("Intended use"), anchor=False)
    st.markdown(tr(INTENDED_USE))
    st.markdown(tr(WHAT))
    st.markdown(tr(ABLATION))
    st.header(tr("Models"), anchor=False)
    found = [records.of_task(task) for task in services.tasks()]
    damaged_files([problem for each in found for problem in each.problems])
    model_cards(found)
    st.header(tr("Data"), anchor=False)
    _data()
    st.header(tr("Limits"), anchor=False)
    st.markdown("\n".join(f"- {tr(limit)}" for limit in LIMITS))
    st.header(tr("Privacy"), anchor=False)
    st.markdown("\n".join(f"- {tr(line)}" for line in PRIVACY))
    st.header(tr("Versions, licence and citation"), anchor=False)
    _imprint()


def _data() -> None:
    for task in services.tasks().values():
        st.markdown(
            tr(
                "- **{task}** ({classes}): {source}. Licence: {licence}.",
                task=tr(task.title),
                classes=", ".join(tr(word) for word in task.words.values()),
                source=task.source,
                licence=task.licence,
            )
        )


def _imprint() -> None:
    versions = ", ".join(f"{name} {number}" for name, number in records.software().items())
    st.markdown(tr("- Running here: {versions}.", versions=versions))
    st.markdown(tr("- Licence of the software: Apache-2.0. The scans keep their own, named above."))
    st.markdown(tr("- When you use the method, cite the paper; when you use a number, cite its record too:"))
    st.code(CITE, language=None, wrap_lines=True)


page()
