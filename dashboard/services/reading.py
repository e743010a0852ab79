"""What a model makes of a scan, and the maps behind it."""

import streamlit as st

from dashboard.services.models import loaded, models, tasks
from dashboard.services.results.common import MapView, ModelChoice, Picture, Reading
from dashboard.services.results.reading import Calibration, Operating
from meddef_core.errors import ModelError
from meddef_core.explanation import MAP_CAVEAT, ExplanationMap, explain, shared_scale
from meddef_core.io.arrays import as_images, as_picture
from meddef_core.prediction import (
    Fitted,
    Proportion,
    calibrate,
    fitted_for,
    operating_point,
    questions,
    reliability,
    threshold_at_sensitivity,
    youden_threshold,
)
from meddef_core.prediction.abstention import PHRASES, abstention_of
from meddef_core.prediction.operating import ANY_FINDING
from meddef_core.prediction.prediction import predict, prepare
from meddef_core.prediction.predictive import (
    LEAST_PREVALENCE,
    MOST_PREVALENCE,
    STANDARD_PREVALENCE,
    Range,
    predictive_ranges,
)
from meddef_core.scans import Scan

__all__ = [
    "ANY_FINDING",
    "CAVEAT",
    "LEAST_PREVALENCE",
    "MOST_PREVALENCE",
    "STANDARD_PREVALENCE",
    "Proportion",
    "Range",
    "asked",
    "calibration",
    "fits_better",
    "looks_like",
    "maps",
    "operating",
    "predictive_ranges",
    "read",
    "reading_of",
    "reading_of_scan",
    "unlike_training",
]

CAVEAT = MAP_CAVEAT
"""Stands under every map."""


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def read(model: ModelChoice, fingerprint: str, _scan: Scan) -> Reading:
    """The model's prediction for a scan, by all that is known of it; `fingerprint` identifies its pixels.

    Call inside `turn`.
    """
    return reading_of_scan(model, _scan)


def reading_of_scan(model: ModelChoice, scan: Scan) -> Reading:
    """The model's prediction for a scan: its header and its image are checked, too. Call inside `turn`."""
    subject = loaded(model.id)
    return Reading(model, predict(subject, scan), as_picture(prepare(subject, scan)))


def reading_of(model: ModelChoice, picture: Picture, *, like: Reading | None = None) -> Reading:
    """The model's prediction for a picture as models see it, such as an attacked one. Call inside `turn`.

    An attacked picture is predicted `like` its clean scan: the model abstains from both, or tempers both alike.
    """
    clean = None if like is None else like.prediction
    return Reading(model, predict(loaded(model.id), as_images(picture), like=clean), picture)


def unlike_training(reading: Reading, *, modality: str) -> bool:
    """Whether the model abstains because the scan is too far from the training scans, and for no other reason."""
    by_distance = abstention_of(reading.prediction.familiarity, modality=modality)
    return by_distance is not None and reading.abstained == by_distance


def looks_like(reading: Reading) -> str:
    """What a scan that is `unlike_training` looks most like, in words; empty where it looks like nothing known."""
    return "" if reading.abstained is None else PHRASES.get(reading.abstained.looks_like, "")


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def fits_better(task: str, fingerprint: str, _scan: Scan) -> str | None:
    """Key of another task whose model knows such a scan; None where none does. Call inside `turn`.

    `fingerprint` identifies the scan's pixels.
    """
    for other in tasks():
        for model in models(other)[:1] if other != task else ():
            if predict(loaded(model.id), _scan).level == "usual":
                return other
    return None


def asked(task: str) -> tuple[str, ...]:
    """Keys of the questions that a threshold can decide in a task, the widest first."""
    return tuple(question.key for question in questions(tasks()[task]))


def operating(
    model: ModelChoice, question: str, *, sensitivity: float | None = None, threshold: float | None = None
) -> Operating | None:
    """What a threshold is worth: the given one, else the highest with that sensitivity on validation patients, else
    that of the largest Youden index there. None where nothing was fitted for the model's weights.
    """
    fitted = _fitted(model)
    if fitted is None:
        return None
    (asking,) = (each for each in questions(loaded(model.id).task) if each.key == question)
    sides = [
        (asking.score(calibrate(part.logits, fitted.card.temperature)), asking.truth(part.labels))
        for part in (fitted.val, fitted.test)
    ]
    if threshold is None and sensitivity is not None:
        threshold = threshold_at_sensitivity(*sides[0], sensitivity=sensitivity)
    elif threshold is None:
        threshold = youden_threshold(*sides[0])
    val, test = (operating_point(*side, threshold=threshold) for side in sides)
    return Operating(question, threshold, asking.positive, val, test)


def calibration(model: ModelChoice) -> Calibration | None:
    """The reliability of the model's probabilities on its test list; None where nothing was fitted for its weights."""
    fitted = _fitted(model)
    if fitted is None:
        return None
    figures = fitted.card.test["calibration"]
    low, high = figures["interval"]
    return Calibration(
        n=len(fitted.test.labels),
        temperature=fitted.card.temperature,
        before=reliability(calibrate(fitted.test.logits, 1.0), fitted.test.labels, bins=10, edges="mass"),
        after=reliability(
            calibrate(fitted.test.logits, fitted.card.temperature), fitted.test.labels, bins=10, edges="mass"
        ),
        error_before=figures["uncalibrated"]["expected_calibration_error"],
        error_after=figures["calibrated"]["expected_calibration_error"],
        interval=(low, high),
        protocol=str(fitted.card.fitted_on["protocol"]),
        accepted=fitted.card.test["accepted"]["accepted"],
        refused=fitted.card.test["refused"]["refused"],
    )


def _fitted(model: ModelChoice) -> Fitted | None:
    try:
        subject = loaded(model.id)
        # What was measured on validation and test patients is not true of a model that a site profile has changed.
        return fitted_for(subject) if subject.site is None else None
    except ModelError:  # a prediction's note says why it is not used
        return None


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def maps(model: ModelChoice, key: str, label: str, _pictures: tuple[Picture, ...]) -> tuple[tuple[MapView, ...], ...]:
    """Every map the model has, for each picture, all on the scale shared by the pictures. Call inside `turn`.

    Grad-CAM explains the class `label` in each picture; a wrapped model has no map. `key` identifies the pictures in
    the session's cache.
    """
    subject = loaded(model.id)
    target = subject.task.index(label)
    found = [explain(subject.network, as_images(picture), target=target) for picture in _pictures]
    scales = {name: shared_scale(*(each[name] for each in found)) for name in found[0]}
    return tuple(tuple(_map_view(each[name], scales[name]) for name in each) for each in found)


def forget() -> None:
    """Let go of every prediction and map of this session."""
    for cache in (read, fits_better, maps):
        cache.clear()


def _map_view(found: ExplanationMap, scale: tuple[float, float]) -> MapView:
    info = found.info
    return MapView(info.key, info.title, info.meaning, info.signed, found.grid, found.upsampled(), scale)
