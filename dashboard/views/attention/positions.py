"""Self-attention from one position: a grid to click on, or its row and column as numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard.components.charts import CONFIG
from dashboard.components.colours import DIVERGING, png_address
from dashboard.language import tr
from dashboard.services import inspection
from dashboard.services.results.attention import Inspected, MapGroup
from dashboard.services.words import Text
from dashboard.views.attention.maps import Look, for_each, map_groups

GRID = "attention_grid"
ROW, COLUMN = "attention_row", "attention_column"

OTHER, _, PICKED = DIVERGING
SIDE = 300
"""Of the clickable picture, in pixels."""

NO_ATTENTION = Text(
    "attention.model-built-without-self",
    "This model was built without self-attention, so no position of it looks at another.",
)


def self_attention(inspected: Sequence[Inspected], *, look: Look) -> None:
    """What the position that the reader chooses looks at, for every model that has self-attention."""
    looking = [each for each in inspected if inspection.has_attention(each.model)]
    if not looking:
        st.info(
            tr("attention.none-chosen-models", "None of the chosen models has self-attention. Choose MedDef."),
            icon=":material/info:",
        )
        return
    rows, columns = inspection.attention_grid(looking[0].model, looking[0].clean)
    row, column = _position(looking[0], rows, columns)
    place = ((row + 0.5) / rows, (column + 0.5) / columns)

    def compute(each: Inspected) -> MapGroup | None:
        if each not in looking:
            return None
        return inspection.attention_at(each.model, inspection.key_of(each.pictures), each.pictures, place=place)

    st.markdown(tr("attention.from-row", "**From row {row}, column {column}**", row=row + 1, column=column + 1))
    map_groups(for_each(inspected, compute), look=look, key="position", missing=NO_ATTENTION)


def _position(each: Inspected, rows: int, columns: int) -> tuple[int, int]:
    """The chosen cell, counted from 0; numbers and clicks set each other."""
    for key, most in ((ROW, rows), (COLUMN, columns)):
        st.session_state[key] = min(max(1, int(st.session_state.get(key, most // 2 + 1))), most)
    with st.container(horizontal=True, gap="large", vertical_alignment="center"):
        with st.container(width=SIDE):
            st.plotly_chart(
                _figure(each, rows, columns, (st.session_state[ROW] - 1, st.session_state[COLUMN] - 1)),
                key=GRID,
                config=CONFIG,
                on_select=_clicked,
                selection_mode="points",
                alt=tr(
                    "attention.scan-under",
                    "The scan under a grid of positions; the row and column fields choose the same.",
                ),
            )
        with st.container(width=280):
            st.markdown(tr("attention.click-position", "Click a position on the scan, or set its row and column here."))
            row = st.number_input(tr("attention.row-1", "Row, 1 to {n} from the top", n=rows), 1, rows, key=ROW)
            column = st.number_input(
                tr("attention.column-1", "Column, 1 to {n} from the left", n=columns), 1, columns, key=COLUMN
            )
    return int(row) - 1, int(column) - 1


def _clicked() -> None:
    """Take over the cell under a click; runs before the number fields are drawn again."""
    selection: Any = st.session_state.get(GRID) or {}
    points = selection.get("selection", {}).get("points", ())
    if points:
        st.session_state[COLUMN], st.session_state[ROW] = int(points[0]["x"]), int(points[0]["y"])


def _figure(each: Inspected, rows: int, columns: int, chosen: tuple[int, int]) -> go.Figure:
    """The scan with one marker a cell: a heat map's cells cannot be selected in plotly, markers can."""
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    figure = go.Figure()
    figure.add_scatter(
        x=[column + 1 for _, column in cells],
        y=[row + 1 for row, _ in cells],
        mode="markers",
        marker={
            "symbol": ["square" if cell == chosen else "square-open" for cell in cells],
            "size": 0.62 * SIDE / max(rows, columns),
            "color": [PICKED if cell == chosen else OTHER for cell in cells],
            "opacity": [0.7 if cell == chosen else 0.55 for cell in cells],
        },
        selected={"marker": {"opacity": 0.7}},
        unselected={"marker": {"opacity": 0.55}},
        hovertemplate=tr("attention.row-row", "row {row}, column {column}", row="%{y}", column="%{x}")
        + "<extra></extra>",
    )
    figure.add_layout_image(
        source=png_address(np.clip(each.clean.picture, 0, 1)),
        xref="x", yref="y", x=0.5, y=0.5, sizex=columns, sizey=rows, sizing="stretch", layer="below",
    )  # fmt: skip
    axis = {"visible": False, "fixedrange": True}
    figure.update_xaxes(range=[0.5, columns + 0.5], **axis)
    figure.update_yaxes(range=[rows + 0.5, 0.5], **axis)
    margin = {"l": 0, "r": 0, "t": 0, "b": 0}
    figure.update_layout(
        height=SIDE, width=SIDE, margin=margin, showlegend=False, dragmode=False, clickmode="event+select"
    )
    return figure
