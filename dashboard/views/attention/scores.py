"""Sections of the attention page that score maps: stability and randomised weights."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.components.charts import CONFIG
from dashboard.components.heatmap_panel import caveat
from dashboard.components.wide_table import wide_table
from dashboard.language import tr
from dashboard.services import inspection, inspection_scores
from dashboard.services.results.attention import Alike, Inspected, MapStability, Randomised
from dashboard.services.words import Text
from dashboard.views.attention.propagation import ATTACK_FIRST, line_of
from dashboard.views.attention.work import costly

PARTS = {
    "head": Text("attention.head", "head"),
    "attention": Text("attention.self-attention-2", "self-attention"),
    "daam": Text("attention.daam", "DAAM"),
    "stage4": Text("attention.stage-4", "stage 4"),
    "stage3": Text("attention.stage-3", "stage 3"),
    "stage2": Text("attention.stage-2", "stage 2"),
    "stage1": Text("attention.stage-1", "stage 1"),
    "stem": Text("attention.stem", "stem"),
}
"""Parts of a network from output to input, as the randomised-weights check names them."""


def stability(inspected: Sequence[Inspected]) -> None:
    """How alike each map stays under the attack, beside noise of the same size."""
    if all(each.outcome is None for each in inspected):
        st.info(tr(ATTACK_FIRST), icon=":material/touch_app:")
        return
    st.markdown(
        tr(
            "attention.how-alike",
            "How alike the maps of the clean and of the changed scan are. Rank correlation: 1 is the same order of "
            "regions, 0 none in common. Overlap: the share of the strongest tenth that both have; 10% by chance.",
        )
    )
    attacked = [each for each in inspected if each.outcome is not None]

    def compute(each: Inspected) -> tuple[MapStability, ...]:
        key = inspection.key_of(each.with_noise)
        return inspection_scores.stabilities(each.model, key, each.with_noise, label=each.clean.label)

    scores = costly(
        "stability",
        attacked,
        compute,
        say=lambda model: tr("attention.scoring-maps", "Scoring the maps of {model}…", model=model),
        quick=True,
    )
    if scores is None:
        return
    for each, found in zip(attacked, scores, strict=True):
        st.subheader(tr(each.model.title), anchor=False)
        columns = (
            tr("attention.attack-correlation", "Attack: correlation"),
            tr("attention.attack-overlap", "Attack: overlap"),
            tr("attention.noise-correlation", "Noise: correlation"),
            tr("attention.noise-overlap", "Noise: overlap"),
        )
        rows = {tr(row.title): [*_cells(row.attack), *_cells(row.noise)] for row in found}
        wide_table(pd.DataFrame(rows, index=list(columns)).T, key="attention_scores_table")
    caveat(
        tr(
            "attention.stable-map",
            "A stable map is no proof of a right one, and a map can move while the output stays.",
        ),
        tr("attention.grad-cam-explains", "Grad-CAM explains the class of the clean output in both pictures."),
    )


def _cells(alike: Alike) -> list[str]:
    correlation = tr("attention.flat-map", "flat map") if alike.correlation is None else f"{alike.correlation:.2f}"
    return [correlation, f"{100 * alike.overlap:.0f}%"]


# ---- randomised weights ------------------------------------------------------------------------------------------


def sanity(inspected: Sequence[Inspected]) -> None:
    """A map that stays alike when all weights are random does not show what the model learned."""
    names = list(dict.fromkeys(name for each in inspected for name in inspection_scores.scored(each.model)))
    titles = inspection.titles()
    picked = st.selectbox(
        tr("attention.map-check", "Map to check"),
        names,
        format_func=lambda name: tr(titles[name]) if name in titles else name,
        key="attention_sanity",
        persist_state="session",
        width=300,
    )
    name = picked if picked in names else names[0]
    st.markdown(
        tr(
            "attention.weights-drawn",
            "The weights are drawn anew, from the output backwards, and the map of the clean scan is compared with "
            "the original after each part. It should fall far below 1: a map that stays near 1 shows the picture, not "
            "what the model learned. A map of a module can change only once what lies before it is random.",
        )
    )
    having = [each for each in inspected if name in inspection_scores.scored(each.model)]

    def compute(each: Inspected) -> tuple[Randomised, ...]:
        key = inspection.key_of(each.pictures[:1])
        return inspection_scores.randomised(each.model, key, each.pictures[:1], name=name, label=each.clean.label)

    found = costly(
        "sanity",
        having,
        compute,
        say=lambda model: tr("attention.drawing-weights", "Drawing the weights of {model} anew…", model=model),
        asked=name,
    )
    if found is None:
        return
    figure, said = go.Figure(), []
    lines = [
        tr("attention.model-no-such", "{model} has no such map.", model=tr(each.model.title))
        for each in inspected
        if each not in having
    ]
    for each, rows in zip(having, found, strict=True):
        figure.add_scatter(
            name=tr(each.model.title),
            x=[tr(PARTS.get(row.layer, row.layer)) for row in rows],
            y=[row.similarity for row in rows],
            mode="lines+markers",
            hovertemplate="%{x}: %{y:.2f}",
            **line_of(inspected.index(each)),
        )
        last = rows[-1].similarity
        text = tr("attention.flat-map", "flat map") if last is None else f"{last:.2f}"
        said.append(
            tr(
                "attention.model-value",
                "{model}: {value} with all weights random",
                model=tr(each.model.title),
                value=text,
            )
        )
    figure.update_layout(
        height=300, margin={"l": 0, "r": 8, "t": 8, "b": 0}, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    )
    figure.update_xaxes(
        title=tr("attention.weights-random", "weights random from the head down to"),
        categoryorder="array",
        categoryarray=[tr(word) for word in PARTS.values()],
    )
    figure.update_yaxes(
        title=tr("attention.rank-correlation", "rank correlation with the original"), range=[-1.05, 1.05]
    )
    if said:
        st.plotly_chart(figure, key="attention_sanity_chart", config=CONFIG, alt="; ".join(said))
    st.markdown("\n".join(f"- {line}" for line in [*said, *lines]))
    caveat(tr("attention.gap-line", "A gap in a line is a flat map, which has no order of regions to compare."))
