"""What a model makes of a scan, and the maps behind it."""

import streamlit as st

from dashboard.results import MapView, ModelChoice, Picture, Reading
from dashboard.services.models import loaded
from meddef_core.explain import MAP_CAVEAT, ExplanationMap, explain, shared_scale
from meddef_core.pictures import as_images, as_picture
from meddef_core.predict import predict, prepare
from meddef_core.scans import Scan

CAVEAT = MAP_CAVEAT
"""Stands under every map."""


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def read(model: ModelChoice, fingerprint: str, _scan: Scan) -> Reading:
    """The model's output for a scan; `fingerprint` identifies its pixels. Call inside `turn`."""
    subject = loaded(model.id)
    return reading_of(model, as_picture(prepare(subject, _scan)))


def reading_of(model: ModelChoice, picture: Picture) -> Reading:
    """The model's output for a picture as models see it. Call inside `turn`."""
    prediction = predict(loaded(model.id), as_images(picture))
    return Reading(model, tuple(prediction.classes), tuple(prediction.probabilities), prediction.label, picture)


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


def _map_view(found: ExplanationMap, scale: tuple[float, float]) -> MapView:
    info = found.info
    return MapView(info.key, info.title, info.meaning, info.signed, found.grid, found.upsampled(), scale)
