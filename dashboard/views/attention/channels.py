"""Channel attention: the heaviest channels as ranked bars, and the map of each."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from dashboard.components.charts import COLOURS, CONFIG, PATTERNS
from dashboard.components.heatmap_panel import caveat, map_tile
from dashboard.components.progress import working
from dashboard.language import tr
from dashboard.services import inspection, inspection_scores
from dashboard.services.results.attention import Channel, Inspected
from dashboard.services.words import Text
from dashboard.views.attention.maps import TILE, Look

NO_CHANNELS = Text(
    "attention.model-built-without", "This model was built without the defence module (DAAM), so it weighs no channels."
)


def channels(inspected: Sequence[Inspected], *, look: Look) -> None:
    """One card a model; a model without DAAM says so."""
    for each in inspected:
        with st.container(border=True):
            st.subheader(tr(each.model.title), anchor=False)
            if not inspection.has_channels(each.model):
                st.caption(tr(NO_CHANNELS))
                continue
            with working(
                tr("attention.drawing-maps", "Drawing the maps of {model}…", model=tr(each.model.title)), quick=True
            ):
                key = inspection.key_of(each.pictures)
                found = inspection_scores.channels(each.model, key, each.pictures)
            _card(each, found, look=look)


def _card(each: Inspected, found: Sequence[Channel], *, look: Look) -> None:
    bars, maps = st.columns([2, 5], gap="large")
    with bars:
        st.markdown(tr("attention.n-channels", "**The {n} channels that weigh most for the clean scan**", n=len(found)))
        st.plotly_chart(
            _bars(found),
            key=f"attention_channels_{each.model.id}",
            config=CONFIG,
            alt=tr(
                "attention.weights-heaviest",
                "Weights of the heaviest channels; the heaviest is channel {channel} with {weight}.",
                channel=found[0].number,
                weight=f"{found[0].weights[0]:.2f}",
            ),
        )
    with maps:
        which = "Clean"
        if each.outcome is not None:
            which = st.segmented_control(
                tr("attention.maps", "Maps of"),
                [Text("lab.clean", "Clean"), Text("lab.attacked", "Attacked")],
                default="Clean",
                required=True,
                format_func=tr,
                key=f"attention_channels_side_{each.model.id}",
                persist_state="session",
            )
        place = 1 if which == "Attacked" and each.outcome is not None else 0
        st.caption(tr(found[0].maps.meaning))
        with st.container(horizontal=True, gap="small"):
            for channel in found:
                with st.container(width=TILE - 40, gap="xxsmall"):
                    heading = tr("attention.channel-n", "Channel {n}", n=channel.number)
                    map_tile(channel.maps.views[place], each.pictures[place], style=look.style, heading=heading)
        caveat(
            tr("attention.each-channel", "Each channel has its own scale, shared by its clean and its attacked map.")
        )


def _bars(found: Sequence[Channel]) -> go.Figure:
    names = [str(channel.number) for channel in found]
    figure = go.Figure()
    sides = [tr("lab.clean-2", "clean"), tr("lab.attacked-2", "attacked")][: len(found[0].weights)]
    for place, (side, colour, pattern) in enumerate(zip(sides, COLOURS, PATTERNS, strict=False)):
        weights = [channel.weights[place] for channel in found]
        figure.add_bar(
            name=side,
            orientation="h",
            y=names,
            x=weights,
            text=[f"{weight:.2f}" for weight in weights],
            textposition="outside",
            cliponaxis=False,
            marker_color=colour,
            marker_pattern_shape=pattern,
            hovertemplate=tr("attention.channel-n-2", "channel {n}", n="%{y}")
            + ": %{x:.3f}<extra>"
            + side
            + "</extra>",
        )
    figure.update_layout(
        barmode="group",
        height=60 + 26 * len(found) * len(sides),
        margin={"l": 0, "r": 40, "t": 8, "b": 0},
        bargap=0.25,
        showlegend=len(sides) > 1,
        legend={"orientation": "h", "y": -0.02, "yanchor": "top", "traceorder": "normal"},
    )
    figure.update_xaxes(range=[0, 1.05], visible=False)
    figure.update_yaxes(
        autorange="reversed", automargin=True, type="category", title=tr("attention.channel", "channel")
    )
    return figure
