"""What stands beside every prediction: how usual its scan is, what its percentages are, and the training scans.

A model abstains from some scans. Attacks and maps of these are shown only to a reader who asks for them all the same.
"""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.progress import working
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.reading import looks_like, unlike_training
from dashboard.services.results.common import ModelChoice, Reading
from dashboard.services.tasks import Task
from dashboard.services.words import Text
from dashboard.session import state
from dashboard.session.state import Chosen

DIFFERENCES = {
    "edges": Text("diagnose.how-strong", "how strong its edges are and which way they run"),
    "grey levels": Text("diagnose.grey-levels", "its grey levels"),
    "layout": Text("diagnose.where-bright", "where it is bright and dark"),
    "early features": Text("diagnose.what-networks", "what the network's first layers find in it"),
    "middle features": Text("diagnose.what-networks-middle", "what the network's middle layers find in it"),
    "later features": Text("diagnose.what-networks-later", "what the network's later layers find in it"),
}
"""Statistics in plain words."""

UNCALIBRATED = Text(
    "diagnose.softmax-model",
    "Softmax of the model, not calibrated: these percentages do not say how likely a disease is.",
)
CALIBRATED = Text(
    "diagnose.percentages-calibrated",
    "Percentages are calibrated on validation patients; they hold for clean scans like theirs.",
)
NOT_HERE = Text(
    "diagnose.percentages-models",
    "Percentages of {models} are not calibrated for this scan: they do not say how likely a disease is. Under attack "
    "no percentage is calibrated.",
)
UNUSUAL = Text("diagnose.scan-unlike", "This scan is unlike most of the training scans; the output may be wrong.")
BETTER = Text("diagnose.looks-like", "It looks like a scan of the kind “{other}”: choose that kind above.")


def population_line(task: Task) -> None:
    """On whom the task's models were trained, beside every output."""
    st.caption(":material/groups: " + tr(task.population.sentence))


def probability_note(readings: Sequence[Reading]) -> str:
    """What the percentages of these predictions are: calibrated only where the calibration holds for the scan."""
    others = [reading for reading in readings if not reading.prediction.calibration_holds]
    if not others:
        return tr(CALIBRATED)
    if all(reading.prediction.calibrated is None for reading in readings):
        return tr(UNCALIBRATED)
    return tr(NOT_HERE, models=_titles(others))


def scan_notes(readings: Sequence[Reading], *, task: Task) -> None:
    """What keeps these outputs from being valid, what their percentages are, and what the models were trained on."""
    refused = [reading for reading in readings if reading.abstained is not None]
    if refused:
        said = tr(
            "diagnose.not-valid",
            "Not valid and not counted: the model abstains from this scan ({models}).",
            models=_titles(refused),
        )
        st.warning(said, icon=":material/block:")
    unusual = [reading for reading in readings if reading.prediction.level == "unusual"]
    if unusual:
        alone = len(unusual) == 1  # several models find different differences: too many words
        st.warning(unusual_words(unusual[0]) if alone else tr(UNUSUAL), icon=":material/warning:")
    if readings:
        st.caption(f"{probability_note(readings)} :material/groups: {tr(task.population.sentence)}")


# ---- in words ----------------------------------------------------------------------------------------------------


def unusual_words(reading: Reading) -> str:
    """That the scan is accepted but unlike most others, and in what it differs."""
    return f"{tr(UNUSUAL)} {_differs(reading)}".rstrip()


def abstention_words(reading: Reading, *, task: Task, better: str | None = None) -> str:
    """Why the model abstains, whatever the reason; `better` is the key of a task whose models know such scans."""
    abstained = reading.abstained
    if abstained is None:
        return ""
    hint = "" if better is None else tr(BETTER, other=tr(services.tasks()[better].title))
    if not unlike_training(reading, modality=task.modality):
        return f"{tr(abstained.sentence)} {hint}".rstrip()
    if abstained.reason == "output":
        weak = tr(
            "diagnose.no-class",
            "No class is clear enough to be shown for a scan this far from the training scans.",
        )
        return f"{weak} {_differs(reading)}"
    unlike = Text(
        "diagnose.image-unlike", "This image is unlike the scans that the models for “{modality}” were trained on."
    )
    first = tr(unlike, modality=tr(task.modality))
    looks = hint or tr("diagnose.looks-most", "It looks most like {looks}.", looks=tr(looks_like(reading)))
    return f"{first} {looks} {_differs(reading)}"


def _differs(reading: Reading) -> str:
    """In what the scan differs from the training scans; nothing where that is not known."""
    familiarity = reading.prediction.familiarity
    differences = tr("diagnose.text", "; ").join(
        tr(DIFFERENCES[name]) for name in (familiarity.differs if familiarity else ())
    )
    return (
        tr("diagnose.differs-differences", "It differs in {differences}.", differences=differences)
        if differences
        else ""
    )


def _titles(readings: Sequence[Reading]) -> str:
    return ", ".join(tr(reading.model.title) for reading in readings)


# ---- used anyway -------------------------------------------------------------------------------------------------


def guards(chosen: Chosen, models: Sequence[ModelChoice]) -> list[Reading]:
    """What the models say that can refuse a scan: those chosen, and the task's first, whatever is compared.

    A model behind a baseline's defence checks nothing.
    """
    asked = {model.id: model for model in (*services.models_to_read_with(chosen.task)[:1], *models)}
    with working(tr("diagnose.checking-scan", "Checking the scan…"), quick=True):
        return [services.read(model, chosen.fingerprint, chosen.scan) for model in asked.values() if not model.wrapped]


def may_use(chosen: Chosen, readings: Sequence[Reading], *, task: Task, key: str) -> bool:
    """Whether attacks and maps of the scan are shown: where a model abstains from it, only once the reader asks."""
    refused = [reading for reading in readings if reading.abstained is not None]
    if not refused:
        return True
    reasons: dict[str, list[Reading]] = {}
    for reading in refused:
        reasons.setdefault(abstention_words(reading, task=task), []).append(reading)
    for reason, models in reasons.items():
        said = tr(
            "diagnose.model-abstains", "**The model abstains from this scan** ({models}).", models=_titles(models)
        )
        st.error(f"{said} {reason}", icon=":material/block:")
    if state.used_anyway(chosen):
        return True
    st.button(
        tr("diagnose.use-anyway", "Use anyway"),
        key=f"{key}_anyway",
        icon=":material/warning:",
        on_click=state.use_anyway,
        args=(chosen,),
    )
    return False
