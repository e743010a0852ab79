"""The sections of the attention page that are groups of maps: Grad-CAM, the modules' own, gradients, occlusion."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.heatmap_panel import MapStyle
from dashboard.components.words import class_words
from dashboard.language import tr
from dashboard.services import inspection
from dashboard.services.results.attention import Inspected, MapGroup
from dashboard.services.tasks import Task
from dashboard.services.words import Text
from dashboard.views.attention.compare import compare
from dashboard.views.attention.maps import Look, for_each, map_groups
from dashboard.views.attention.work import costly

CLEAN_OUTPUT = Text("attention.models-own", "the model's own clean output")

LAYERS = {
    "stage1": Text("attention.stage-1-fine", "Stage 1: fine detail"),
    "stage2": Text("attention.stage-2-2", "Stage 2"),
    "stage3": Text("attention.stage-3-2", "Stage 3"),
    "stage4": Text("attention.stage-4-end", "Stage 4: the end of the backbone"),
    "phi": Text("attention.defences-output", "The defence's output Φ"),
}
"""Names of layers for a reader."""

SHOWN_FIRST = ("afd_gate", "mfe_edges")
"""Maps of the modules that are drawn before the reader picks others."""

PLAIN = MapStyle(opacity=0.0, colour_map="Cividis", raw=False)
"""For scans without a map."""

NO_MODULE = Text(
    "attention.model-built-without-module", "This model was built without this module, so it has no such map."
)
NO_LAYER = Text(
    "attention.model-no-such-layer", "This model has no such layer: it was built without the defence module (DAAM)."
)


def class_picker(task: Task) -> str | None:
    """The class whose score is explained; None for each model's own clean output."""
    names = [CLEAN_OUTPUT, *task.classes]
    picked = st.selectbox(
        tr("attention.class-explained", "Class explained"),
        names,
        format_func=lambda name: tr(name) if name == CLEAN_OUTPUT else class_words(task, name),
        key=f"attention_class_{task.key}",
        persist_state="session",
        width=300,
    )
    return picked if picked in task.classes else None


def grad_cam(inspected: Sequence[Inspected], *, task: Task, look: Look) -> None:
    """One layer and one class at a time, so that it is seen where the evidence gathers."""
    with st.container(horizontal=True, gap="medium"):
        label = class_picker(task)
        offered = [name for name in LAYERS if any(name in inspection.layers(each.model) for each in inspected)]
        layer = st.selectbox(
            tr("attention.layer", "Layer"),
            offered[::-1],
            index=offered[::-1].index("stage4"),
            format_func=lambda name: tr(LAYERS[name]) if name in LAYERS else name,
            key="attention_layer",
            persist_state="session",
            width=300,
        )
    layer = layer if layer in offered else "stage4"

    def compute(each: Inspected) -> MapGroup | None:
        key = inspection.key_of(each.pictures)
        return inspection.layer_maps(each.model, key, each.pictures, label=label or each.clean.label).get(layer)

    map_groups(for_each(inspected, compute), look=look, key="layer", missing=NO_LAYER)


def class_maps(inspected: Sequence[Inspected], *, task: Task, look: Look, name: str) -> None:
    """Integrated gradients or occlusion, for one class."""
    label = class_picker(task)

    def compute(each: Inspected) -> MapGroup | None:
        key = inspection.key_of(each.pictures)
        return inspection.class_map(each.model, key, each.pictures, name=name, label=label or each.clean.label)

    found = costly(
        name,
        inspected,
        compute,
        say=lambda model: tr("attention.drawing-maps", "Drawing the maps of {model}…", model=model),
        asked=str(label),
    )
    if found is not None:
        map_groups(list(zip(inspected, found, strict=True)), look=look, key=name, missing=NO_MODULE)


def modules(inspected: Sequence[Inspected], *, look: Look) -> None:
    """The gate, edges, texture and scales of the defence: every kind that the reader picks, for every model."""
    names = list(dict.fromkeys(name for each in inspected for name in inspection.own_maps(each.model)))
    if not names:
        st.info(
            tr(
                "attention.none-chosen-models-defence",
                "None of the chosen models has a defence module or self-attention. Choose MedDef.",
            ),
            icon=":material/info:",
        )
        return
    titles = inspection.titles()
    picked = st.pills(
        tr("attention.maps-models", "Maps of the models' own modules"),
        names,
        selection_mode="multi",
        default=[name for name in SHOWN_FIRST if name in names],
        format_func=lambda name: tr(titles[name]) if name in titles else name,
        key="attention_modules",
        persist_state="session",
    )
    if not picked:
        st.caption(tr("attention.choose-one", "Choose one or more maps above."))

    for name in [name for name in names if name in picked]:
        st.subheader(tr(titles[name]), anchor=False)

        def compute(each: Inspected, name: str = name) -> MapGroup | None:
            found = inspection.module_maps(each.model, inspection.key_of(each.pictures), each.pictures)
            return next((maps for maps in found if maps.key == name), None)

        map_groups(for_each(inspected, compute), look=look, key=name, missing=NO_MODULE)


def scans(inspected: Sequence[Inspected]) -> None:
    """The pictures alone, without any map."""
    if all(each.outcome is None for each in inspected):
        st.info(
            tr("attention.nothing-compare", "Nothing to compare yet: press “Attack each model” above."),
            icon=":material/touch_app:",
        )
        return
    st.caption(
        tr(
            "attention.can-you",
            "Can you see the attack? Move the slider, swap the pictures, zoom in: all models move together.",
        )
    )
    compare([(each, None) for each in inspected], style=PLAIN, key="attention_compare_scan")
