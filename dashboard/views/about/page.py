"""Page "About": what this is for, the models with what was measured of them, the data, the limits."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.components.damaged import damaged_files
from dashboard.language import tr
from dashboard.services import records
from dashboard.services import shared as services
from dashboard.services.words import INTENDED_USE, Text
from dashboard.views.about.model_cards import model_cards

WHAT = Text(
    "about.meddef-adds",
    "MedDef adds a defence module (DAAM) and self-attention to a ResNet-18. It is trained on attacked scans, so that "
    "small deliberate changes of a scan change its prediction less. The page *Attack lab* shows this live, next to an "
    "undefended model that was trained on clean scans only.",
)

ABLATION = Text(
    "about.our-ablation",
    "In our ablation DAAM gave no measurable benefit: models trained without it were as accurate and as robust on both "
    "tasks. The robustness comes from adversarial training.",
)

LIMITS = (
    Text(
        "about.two-narrow",
        "Two narrow questions only: four classes of retinal OCT B-scans of adults, and pneumonia or not on chest "
        "radiographs of children. The model should abstain from any other image. It may still give a prediction for "
        "some; "
        "that prediction means nothing.",
    ),
    Text(
        "about.probabilities-models",
        "Probabilities are the model's own; where its card says so they were calibrated on validation patients. They "
        "do "
        "not say how likely a disease is in a patient of yours.",
    ),
    Text(
        "about.scans-two",
        "On scans of two other hospitals the models abstained on most. Other devices and projections were not tested.",
    ),
    Text(
        "about.robust-accuracy",
        "Robust accuracy holds for the attacks, the attack strength and the test set that are named. A stronger "
        "attack may "
        "still succeed.",
    ),
    Text("about.maps-show", "Maps show what influenced a model's output, not where disease is."),
    Text(
        "about.most-places",
        "In most places software that analyses medical images is a medical device. This is a research and teaching "
        "tool "
        "and has not been assessed as one.",
    ),
)

PRIVACY = (
    Text(
        "about.uploads-read",
        "Uploads are read in this server's memory and never written to disk. They are deleted with the session or with "
        "**Clear everything**. File names are not kept.",
    ),
    Text(
        "about.dicom-header",
        "Of a DICOM header only a short list of elements is kept (modality, view, size, bits and the like); the page "
        "says "
        "how many were removed. Text burned into the image cannot be removed: do not upload such images.",
    ),
    Text("about.pages-ask", "The pages ask no other host for anything, and no usage statistics are sent."),
)

CITE = (
    "Dongbo, Niu, Fero, Bargin, Kofa (2025). MedDef: An Efficient Self-Attention Model for Adversarial Resilience in "
    "Medical Imaging with Unstructured Pruning."
)


SECTIONS = {
    "overview": Text("robustness.overview", "Overview"),
    "models": Text("about.models", "Models"),
    "data": Text("about.data", "Data"),
    "privacy": Text("about.privacy", "Privacy"),
    "versions": Text("about.versions-licence", "Versions, licence and citation"),
}
"""In their order. Only the one that is selected is computed."""


def page() -> None:
    """One section at a time, each read from the place that owns the facts."""
    st.title(tr("about.about-meddef", "About MedDef"), anchor=False)
    found = [records.of_task(task) for task in services.tasks()]
    damaged_files([problem for each in found for problem in each.problems])
    shown: dict[str, Callable[[], None]] = {
        "overview": _overview,
        "models": lambda: model_cards(found),
        "data": _data,
        "privacy": lambda: _list(PRIVACY),
        "versions": _imprint,
    }
    shown[_picked()]()


def _picked() -> str:
    picked = st.segmented_control(
        tr("robustness.section", "Section"),
        list(SECTIONS),
        default=next(iter(SECTIONS)),
        format_func=lambda name: tr(SECTIONS[name]),
        key="about_section",
        required=True,
        persist_state="session",
        label_visibility="collapsed",
        wrap=True,
    )
    return picked if picked in SECTIONS else next(iter(SECTIONS))


def _overview() -> None:
    st.header(tr("about.intended-use", "Intended use"), anchor=False)
    st.markdown(tr(INTENDED_USE))
    st.markdown(tr(WHAT))
    st.markdown(tr(ABLATION))
    st.header(tr("about.limits", "Limits"), anchor=False)
    _list(LIMITS)


def _list(lines: Sequence[str]) -> None:
    st.markdown("\n".join(f"- {tr(line)}" for line in lines))


def _data() -> None:
    for task in services.tasks().values():
        st.markdown(
            tr(
                "about.task-classes",
                "- **{task}** ({classes}): {source}. Licence: {licence}.",
                task=tr(task.title),
                classes=", ".join(tr(word) for word in task.words.values()),
                source=task.source,
                licence=task.licence,
            )
        )


def _imprint() -> None:
    versions = ", ".join(f"{name} {number}" for name, number in records.software().items())
    st.markdown(tr("about.running-here", "- Running here: {versions}.", versions=versions))
    st.markdown(
        tr("about.licence-software", "- Licence of the software: Apache-2.0. The scans keep their own, named above.")
    )
    st.markdown(
        tr("about.if-you", "- If you use the method, cite the paper; if you use a number, cite its record too:")
    )
    st.code(CITE, language=None, wrap_lines=True)


page()
