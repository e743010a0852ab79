"""The strip of a volume: what a model says of each slice, and how each was taken, by colour and by shape."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.components.charts import COLOURS, DASHES
from dashboard.components.words import class_code, percent
from dashboard.language import tr
from dashboard.services.tasks import Task
from dashboard.services.volumes import SlicePrediction, VolumePrediction
from dashboard.services.words import Text

LEVELS = {
    "usual": (Text("robustness.accepted", "accepted"), COLOURS[6], "circle"),
    "unusual": (Text("volume.unusual", "unusual"), COLOURS[7], "triangle-up"),
    "refused": (Text("volume.model-abstains-2", "the model abstains"), COLOURS[4], "x"),
    "unread": (Text("volume.not-read", "not read"), COLOURS[2], "square-open"),
}
"""Of a slice: words, colour and marker."""

FINDINGS = (COLOURS[0], COLOURS[1], COLOURS[3])
SHAPES = ("square", "diamond-open", "cross")
"""Of the findings, none of which is that of a level; each line has a dash of its own, too."""

ROW = -14
"""Height at which the levels stand, below 0%."""

HEIGHT = 250


def level_of(row: SlicePrediction) -> str:
    """Key of `LEVELS`; where nothing was fitted for the model, every slice that was read counts as accepted."""
    if row.prediction is None:
        return "unread"
    return row.prediction.level or "usual"


def slice_words(row: SlicePrediction, *, total: int, task: Task) -> str:
    """ "Slice 12 of 49 · DME 92.3% · accepted"."""
    said = tr("volume.slice-n-total", "Slice {n} of {total}", n=row.number, total=total)
    level = tr(LEVELS[level_of(row)][0])
    if row.output is None:
        return f"{said} · {level}"
    return f"{said} · {class_code(task, row.output.label)} {percent(row.output.probability)} · {level}"


def strip(found: VolumePrediction, *, at: int, task: Task) -> go.Figure:
    """A line a finding over the slices, below it a marker a slice, and where the reader is."""
    figure = go.Figure()
    numbers = [row.number for row in found.slices]
    words = [slice_words(row, total=len(numbers), task=task) for row in found.slices]
    for place, label in enumerate(found.findings):
        figure.add_scatter(
            name=class_code(task, label),
            x=numbers,
            y=[_height(row, found.classes.index(label)) for row in found.slices],
            customdata=words,
            mode="lines+markers",
            line={"color": FINDINGS[place % len(FINDINGS)], "dash": DASHES[(place + 1) % len(DASHES)], "width": 2},
            marker={"symbol": SHAPES[place % len(SHAPES)], "size": 6},
            hovertemplate="%{customdata}<extra></extra>",
        )
    for key, (word, colour, symbol) in LEVELS.items():
        rows = [number for number, row in enumerate(found.slices) if level_of(row) == key]
        if rows:
            figure.add_scatter(
                name=tr(word),
                x=[numbers[each] for each in rows],
                y=[ROW] * len(rows),
                customdata=[words[each] for each in rows],
                mode="markers",
                marker={"symbol": symbol, "color": colour, "size": 8},
                hovertemplate="%{customdata}<extra></extra>",
            )
    figure.add_vline(x=at, line_width=2, line_dash="dot", line_color=COLOURS[2])
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        hovermode="closest",
    )
    figure.update_xaxes(
        title=tr("volume.slice-2", "slice"), range=[0.2, len(numbers) + 0.8], dtick=_tick(len(numbers)), tick0=0
    )
    figure.update_yaxes(
        title=tr("lab.probability", "probability, %"), range=[ROW - 9, 104], tickvals=[0, 25, 50, 75, 100]
    )
    return figure


def strip_words(found: VolumePrediction) -> str:
    """The strip for those who do not see it."""
    counts = [(word, sum(level_of(row) == key for row in found.slices)) for key, (word, _, _) in LEVELS.items()]
    told = ", ".join(f"{tr(word)}: {count}" for word, count in counts if count)
    return tr(
        "volume.probability-each",
        "Probability of each finding over {total} slices. {levels}.",
        total=len(found.slices),
        levels=told,
    )


def picked(points: Sequence[dict[str, object]]) -> int | None:
    """The slice of a point that was pressed."""
    x = points[0].get("x") if points else None
    return int(x) if isinstance(x, int | float) else None


def _height(row: SlicePrediction, index: int) -> float | None:
    """None, a gap in the line, where the model gives no output."""
    return None if row.output is None else 100 * row.output.shares[index]


def _tick(count: int) -> int:
    return next(step for step in (1, 2, 5, 10, 20, 50, 100) if count / step <= 12)
