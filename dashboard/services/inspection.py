"""Maps of several models, clean beside attacked, each computed when its section asks for it. Call inside `turn`.

Every function takes pictures as models see them; `key` names them in the session's caches (see `key_of`).
"""

import hashlib
from collections.abc import Sequence

import streamlit as st

from dashboard.services.models import loaded, models, undefended_first
from dashboard.services.results.attention import Inspected, MapGroup, Pictures
from dashboard.services.results.common import LabResult, MapView, ModelChoice, Picture, Reading
from meddef_core.explanation import EXPLAINERS, ExplanationMap, attention_from, available, grad_cam_layers, shared_scale
from meddef_core.explanation.explainer import ExplanationSubject
from meddef_core.explanation.methods.grad_cam import DEFAULT_LAYER
from meddef_core.io.arrays import as_images
from meddef_core.model import MedDef, Trace

GRADIENT = ("gradcam", "integrated_gradients", "occlusion")
"""Maps that explain one class's score; the others are read from the network's own modules and know no class."""


def own_maps(model: ModelChoice) -> tuple[str, ...]:
    """Keys of the maps that the network's own modules give."""
    return tuple(key for key in available(network_of(model)) if key not in GRADIENT)


def titles() -> dict[str, str]:
    """What every kind of map is called."""
    return {key: explainer.info.title for key, explainer in EXPLAINERS.items()}


def choices(task: str) -> tuple[ModelChoice, ...]:
    """Models with maps: every network of the task, ablation variants among them, the undefended first."""
    return undefended_first(models(task))


def inspected(clean: Reading, attack: LabResult | None) -> Inspected:
    """A model's reading with its part of an attack on the same picture, if it has one there."""
    outcomes = () if attack is None else attack.outcomes
    return Inspected(clean, next((each for each in outcomes if each.clean.model.id == clean.model.id), None))


def key_of(pictures: Pictures) -> str:
    """Names the pixels of pictures: equal keys, equal pictures."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(picture.tobytes())
    return digest.hexdigest()


def layers(model: ModelChoice) -> tuple[str, ...]:
    """Layers that Grad-CAM can explain, shallow to deep."""
    return tuple(network_of(model).layers())


def has_attention(model: ModelChoice) -> bool:
    """Whether the model has self-attention to look through."""
    return network_of(model).config.attention


def has_channels(model: ModelChoice) -> bool:
    """Whether the model weighs channels."""
    return network_of(model).config.has_daam


# ---- maps --------------------------------------------------------------------------------------------------------


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def module_maps(model: ModelChoice, key: str, _pictures: Pictures) -> tuple[MapGroup, ...]:
    """Every map of the model's own modules; none for a model without DAAM and self-attention."""
    subjects = [_subject(model, picture) for picture in _pictures]
    return tuple(group([EXPLAINERS[name](subject) for subject in subjects]) for name in own_maps(model))


@st.cache_data(scope="session", max_entries=8, show_spinner=False)
def layer_maps(model: ModelChoice, key: str, _pictures: Pictures, *, label: str) -> dict[str, MapGroup]:
    """Grad-CAM at every one of `layers`, by its name, for the class `label`."""
    network, target = network_of(model), loaded(model.id).task.index(label)
    found = [grad_cam_layers(network, as_images(picture), target=target) for picture in _pictures]
    return {layer: group([each[layer] for each in found]) for layer in found[0]}


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def class_map(model: ModelChoice, key: str, _pictures: Pictures, *, name: str, label: str) -> MapGroup:
    """One of `GRADIENT`, for the class `label`."""
    return group([EXPLAINERS[name](_subject(model, picture, label=label)) for picture in _pictures])


@st.cache_data(scope="session", max_entries=64, show_spinner=False)
def attention_at(model: ModelChoice, key: str, _pictures: Pictures, *, place: tuple[float, float]) -> MapGroup:
    """What one place looks at; `place` is (down, across) as shares of the picture, each in [0, 1)."""
    traces = [trace_of(model, picture) for picture in _pictures]
    rows, columns = traces[0].final.shape[-2:]
    position = min(rows - 1, int(place[0] * rows)), min(columns - 1, int(place[1] * columns))
    return group([attention_from(trace, position) for trace in traces])


def attention_grid(model: ModelChoice, reading: Reading) -> tuple[int, int]:
    """Rows and columns of the positions that self-attention looks from."""
    rows, columns = trace_of(model, reading.picture).final.shape[-2:]
    return rows, columns


def group(maps: Sequence[ExplanationMap]) -> MapGroup:
    """Maps of one kind, one a picture, on the scale that they share."""
    scale, info = shared_scale(*maps), maps[0].info
    return MapGroup(info.key, info.title, info.meaning, tuple(view(each, scale) for each in maps))


def view(found: ExplanationMap, scale: tuple[float, float]) -> MapView:
    """A map as pages draw it."""
    info = found.info
    return MapView(info.key, info.title, info.meaning, info.signed, found.grid, found.upsampled(), scale)


def trace_of(model: ModelChoice, picture: Picture) -> Trace:
    """One forward pass, whole."""
    return _subject(model, picture).trace


def _subject(model: ModelChoice, picture: Picture, *, label: str | None = None) -> ExplanationSubject:
    target = 0 if label is None else loaded(model.id).task.index(label)
    return ExplanationSubject(network=network_of(model), image=as_images(picture), target=target, layer=DEFAULT_LAYER)


def network_of(model: ModelChoice) -> MedDef:
    """The network itself, for the services that score its maps."""
    network = loaded(model.id).network
    assert isinstance(network, MedDef)  # `choices` offers no wrapped model
    return network


def forget() -> None:
    """Forget what this session's inspections computed."""
    for computed in (module_maps, layer_maps, class_map, attention_at):
        computed.clear()
