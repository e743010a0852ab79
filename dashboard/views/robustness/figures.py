"""The figures of the robustness page. Series differ by dash and marker as well as by colour."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.components.charts import COLOURS, DASHES, MARKERS, PATTERNS
from dashboard.components.model_styles import ModelStyle, style_of
from dashboard.components.record_parts import attack_words, interval_bars
from dashboard.language import tr
from dashboard.services.record_types import AblationRow, Accuracy, BaselineRow, PruneRow, Shifted
from dashboard.services.results.robustness import Point, RobustnessCurve
from dashboard.services.words import short_eps

HEIGHT = 400

MARGINS = {
    "margin": {"l": 0, "r": 12, "t": 56, "b": 44},  # above the legend, room for the camera
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
}

SLANTED = 28
"""Pixels that slanted labels below the axis take more than level ones."""

_HOVER = "%{customdata[0]}<br>%{y:.1f}% (%{customdata[1]:.1f} – %{customdata[2]:.1f})<extra>NAME</extra>"

LABEL_LETTERS = 19
"""Letters in a line of a bar's name, of which a telephone still leaves room for the bar."""

SEED_APART = 0.22
"""Between a variant's seeds, in rows: at one height they would hide each other."""


def against_epsilon(curves: Sequence[RobustnessCurve], *, height: int = HEIGHT) -> go.Figure:
    """Balanced accuracy at each epsilon, one line a model; bars are 95% intervals.

    A line joins clean scans, at 0, and the quick looks. From there an arrow goes down to the worst case, where that was
    measured. A model without quick looks has its line through its worst cases.
    """
    drawn = go.Figure()
    for curve in curves:
        line = curve.quick or curve.worst
        _line(
            drawn,
            style_of(curve.key),
            name=tr(curve.title),
            x=[0.0, *(point.eps for point in line)],
            shares=[curve.clean, *(point.share for point in line)],
            hover=[f"ε = 0<br>{tr('lab.clean-2', 'clean')}", *(_at(point) for point in line)],
        )
        if curve.quick and curve.worst:
            _arrows(drawn, curve)
    longest = max((curve for curve in curves), key=lambda curve: len(curve.points))
    ticks = {0.0: "0"} | {point.eps: short_eps(point.eps) for point in longest.points}
    _layout(drawn, x=tr("robustness.attack-strength-eps", "attack strength ε, in pixel units"), height=height)
    # Epsilons double from one to the next: evenly spaced by their square root, the small ones stay apart.
    _rescale(drawn, ticks)
    return drawn


def against_sparsity(rows: Sequence[PruneRow]) -> go.Figure:
    """Balanced accuracy at each level of pruning: clean, and under each attack at each epsilon."""
    drawn = go.Figure()
    x = [100 * row.sparsity for row in rows]
    _line(drawn, _condition(0), name=tr("lab.clean-2", "clean"), x=x, shares=[row.clean for row in rows])
    for place, first in enumerate(rows[0].attacked):
        shares = [row.attacked[place] for row in rows if len(row.attacked) > place]
        name = f"{attack_words(first.spec)}, ε = {short_eps(first.eps)}"
        _line(drawn, _condition(place + 1), name=name, x=x[: len(shares)], shares=shares)
    _layout(drawn, x=tr("robustness.weights-removed", "weights removed, %"))
    return drawn


def baselines(rows: Sequence[BaselineRow], titles: Sequence[str]) -> go.Figure:
    """Each defence under its title: clean, under a non-adaptive attack, and under an adaptive one."""
    names = {
        "clean": tr("lab.clean-2", "clean"),
        "ignoring": tr("robustness.non-adaptive", "non-adaptive attack"),
        "adaptive": tr("robustness.adaptive-attack", "adaptive attack"),
    }
    shares: dict[str, list[Accuracy]] = {
        "clean": [row.clean for row in rows],
        "ignoring": [row.ignoring for row in rows],
        "adaptive": [row.adaptive for row in rows],
    }
    # Bars of one name would stand on top of each other.
    distinct = [
        title if titles.count(title) == 1 else f"{title} ({row.id})" for title, row in zip(titles, rows, strict=True)
    ]
    return _bars(distinct, {names[kind]: shares[kind] for kind in names})


def ablation(rows: Sequence[AblationRow]) -> go.Figure:
    """Each variant's seeds as points, one below the other: clean and attacked, so that their spread is seen."""
    drawn = go.Figure()
    titles = [tr(row.title) for row in rows]
    places = [
        (line + SEED_APART * (place - (len(row.seeds) - 1) / 2), titles[line], trained)
        for line, row in enumerate(rows)
        for place, trained in enumerate(row.seeds)
    ]
    for number, (name, kind) in enumerate(
        ((tr("lab.clean-2", "clean"), "clean"), (tr("lab.attacked-2", "attacked"), "attacked"))
    ):
        shares = [getattr(trained, kind) for _, _, trained in places]
        drawn.add_scatter(
            name=name,
            mode="markers",
            x=[100 * share.balanced_accuracy for share in shares],
            y=[height for height, _, _ in places],
            error_x=interval_bars(shares),
            marker={"color": COLOURS[number], "symbol": MARKERS[number], "size": 7},
            customdata=[(title, trained.seed) for _, title, trained in places],
            hovertemplate=(
                "%{customdata[0]}: %{x:.1f}% ("
                + tr("robustness.seed", "seed")
                + " %{customdata[1]})<extra>"
                + name
                + "</extra>"
            ),
        )
    drawn.update_layout(height=130 + 60 * len(rows), **MARGINS)
    drawn.update_xaxes(title=tr("robustness.balanced-accuracy-2", "balanced accuracy, %"), range=[-3, 103])
    drawn.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[_wrapped(title) for title in titles],
        range=[len(rows) - 0.5, -0.5],
        automargin=True,
    )
    return drawn


@dataclass(frozen=True)
class ShiftSeries:
    """One model under every change. `model` is its name, `recalls` the recall of each class in words, a change."""

    model: str
    title: str
    shifts: Sequence[Shifted]
    recalls: Sequence[str]


def shifts(series: Sequence[ShiftSeries]) -> go.Figure:
    """One row a change, one dot a model beside the others."""
    drawn = go.Figure()
    changes = list(dict.fromkeys(_in_two(each.title) for model in series for each in model.shifts))
    for model in series:
        style = style_of(model.model)
        drawn.add_scatter(
            name=model.title,
            mode="markers",
            orientation="h",
            offsetgroup=model.model,
            x=[100 * each.balanced_accuracy for each in model.shifts],
            y=[_in_two(each.title) for each in model.shifts],
            error_x=interval_bars(model.shifts),
            marker={"color": style.colour, "symbol": style.marker, "size": 9},
            customdata=[
                [tr(each.title), *(100 * end for end in each.balanced_interval), words]
                for each, words in zip(model.shifts, model.recalls, strict=True)
            ],
            hovertemplate=f"<b>{model.title}</b><br>"  # within the box: beside it a telephone has no room
            "%{customdata[0]}<br>%{x:.1f}% (%{customdata[1]:.1f} – %{customdata[2]:.1f})<br>%{customdata[3]}"
            "<extra></extra>",
        )
    height = 130 + len(changes) * (20 + 14 * len(series))
    drawn.update_layout(scattermode="group", scattergap=0.4, hoverlabel_align="left", height=height, **MARGINS)
    drawn.update_xaxes(title=tr("robustness.balanced-accuracy-2", "balanced accuracy, %"), range=[-3, 103])
    drawn.update_yaxes(autorange="reversed", automargin=True, categoryorder="array", categoryarray=changes)
    return drawn


def _bars(titles: Sequence[str], series: Mapping[str, Sequence[Accuracy]]) -> go.Figure:
    drawn = go.Figure()
    for number, (name, shares) in enumerate(series.items()):
        drawn.add_bar(
            name=name,
            orientation="h",
            y=[_wrapped(title) for title in titles],
            x=[100 * share.balanced_accuracy for share in shares],
            error_x=interval_bars(shares),
            marker={"color": COLOURS[number], "pattern": {"shape": PATTERNS[number]}},
            hovertemplate="%{y}: %{x:.1f}%<extra>" + name + "</extra>",
        )
    drawn.update_layout(barmode="group", bargap=0.25, height=130 + 66 * len(titles), **MARGINS)
    drawn.update_xaxes(title=tr("robustness.balanced-accuracy-2", "balanced accuracy, %"), range=[0, 103])
    drawn.update_yaxes(autorange="reversed", automargin=True)
    return drawn


def _in_two(title: str) -> str:
    """What was done, and below it how much."""
    return tr(title).replace(" (", "<br>(")


def _wrapped(title: str) -> str:
    return "<br>".join(textwrap.wrap(title, LABEL_LETTERS))


def _condition(number: int) -> ModelStyle:
    """The look of one of several measurements of one model."""
    return ModelStyle(COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)], MARKERS[number % len(MARKERS)])


def _line(
    drawn: go.Figure,
    style: ModelStyle,
    *,
    name: str,
    x: Sequence[float],
    shares: Sequence[Accuracy],
    hover: Sequence[str] | None = None,
) -> None:
    drawn.add_scatter(
        name=name,
        x=list(x),
        y=[100 * share.balanced_accuracy for share in shares],
        error_y=interval_bars(shares),
        mode="lines+markers",
        line={"color": style.colour, "dash": style.dash},
        marker={"symbol": style.marker, "size": 8},
        customdata=[
            [words, 100 * share.balanced_interval[0], 100 * share.balanced_interval[1]]
            for words, share in zip(hover or [f"{at:g}" for at in x], shares, strict=True)
        ],
        hovertemplate=_HOVER.replace("NAME", name),
    )


def _arrows(drawn: go.Figure, curve: RobustnessCurve) -> None:
    """From each quick look down to the worst case at the same epsilon."""
    looks = {point.eps: point for point in curve.quick}
    x: list[float] = []
    y: list[float] = []
    words: list[list[str | float]] = []
    for point in curve.worst:
        share = point.share
        ends = [looks[point.eps].share, share] if point.eps in looks else [share]
        x += [point.eps] * (len(ends) + 1)
        y += [*(100 * end.balanced_accuracy for end in ends), math.nan]
        words += [[_at(point), 100 * share.balanced_interval[0], 100 * share.balanced_interval[1]]] * (len(ends) + 1)
    # Only the lower end has a head: it is the last before a gap. Plotly fades markers of several sizes unless told.
    heads = [12 if math.isnan(following) else 0 for following in [*y[1:], math.nan]]
    colour, name = (
        style_of(curve.key).colour,
        tr("robustness.model-worst", "{model}, worst case", model=tr(curve.title)),
    )
    drawn.add_scatter(
        name=name,
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"symbol": "arrow-bar-down", "size": heads, "color": colour, "opacity": 1},
        showlegend=False,
        customdata=words,
        hovertemplate=_HOVER.replace("NAME", name),
    )


def _at(point: Point) -> str:
    """Where a point lies and what was done, for whoever points at it."""
    return f"ε = {point.label}<br>{attack_words(point.attack) if point.attack else ''}"


def _layout(drawn: go.Figure, *, x: str, height: int = HEIGHT) -> None:
    drawn.update_layout(height=height, **MARGINS)
    drawn.update_xaxes(title=x)
    drawn.update_yaxes(title=tr("robustness.balanced-accuracy-2", "balanced accuracy, %"), range=[-3, 103])


def _rescale(drawn: go.Figure, ticks: Mapping[float, str]) -> None:
    for trace in drawn.data:
        trace.x = [eps**0.5 for eps in trace.x]
    drawn.update_layout(height=drawn.layout.height + SLANTED, margin_b=drawn.layout.margin.b + SLANTED)
    drawn.update_xaxes(
        tickmode="array", tickvals=[eps**0.5 for eps in ticks], ticktext=list(ticks.values()), tickangle=-45
    )
