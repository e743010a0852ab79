"""Where everything stands: one layout for the picture and the page, in sizes that its `Style` sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from meddef_core.explanation import MAP_CAVEAT
from meddef_core.intended_use import INTENDED_USE
from meddef_core.report import facts, tiles
from meddef_core.report.canvas import INK, LEADING, MUTED, RULE, STAMP, Canvas, Rgb, fitted, paragraph
from meddef_core.report.sheet import MapPair, Sheet, SheetSide

FEW = 2
"""Models whose tables have room beside each other; the cells of more would be cut."""

LABEL_SHARE = 0.3
"""Of a table's width, for its first column."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """Sizes in the canvas's unit. `tables` stand side by side where there is room for two."""

    margin: float
    heading: float
    title: float
    body: float
    small: float
    gap: float
    tile: float
    """Largest side of a picture; pictures are smaller where they would not fit beside each other."""
    tables: int


class Tile(NamedTuple):
    """One picture of a row. Two tiles of one map share the bar below them."""

    caption: str
    pixels: Rgb
    bar: MapPair | None


def lay_out(canvas: Canvas, sheet: Sheet, style: Style) -> float:
    """Draw the sheet from the top; gives the `y` of its lower edge, margin included."""
    y = _head(canvas, sheet, style)
    rows = [_row(side, sheet) for side in sheet.sides]
    most = max(len(row) for row in rows)
    for side, row in zip(sheet.sides, rows, strict=True):
        y = _side(canvas, side, row, sheet, style, most=most, y=y)
    y = _notes(canvas, sheet, style, y=y)
    y = _tables(canvas, sheet, style, y=y)
    return _foot(canvas, sheet, style, y=y) + style.margin


def _inside(canvas: Canvas, style: Style) -> float:
    return canvas.width - 2 * style.margin


def _head(canvas: Canvas, sheet: Sheet, style: Style) -> float:
    width, x, y = _inside(canvas, style), style.margin, style.margin
    y = paragraph(canvas, x, y, f"MedDef · {facts.heading(sheet)}", width=width, size=style.heading, bold=True)
    high = LEADING * style.body + style.gap
    canvas.box(x, y, width, high, colour=STAMP)
    canvas.text(
        x + style.gap,
        y + style.gap / 2,
        fitted(canvas, INTENDED_USE, width=width - 2 * style.gap, size=style.body, bold=True),
        size=style.body,
        bold=True,
    )
    y += high + style.gap
    if sheet.attacked:
        y = paragraph(canvas, x, y, facts.settings_line(sheet), width=width, size=style.body)
    y = paragraph(canvas, x, y, facts.scan_line(sheet), width=width, size=style.small, colour=MUTED)
    return paragraph(canvas, x, y, facts.created(sheet), width=width, size=style.small, colour=MUTED) + style.gap


# ---- one model ---------------------------------------------------------------------------------------------------


def _side(
    canvas: Canvas, side: SheetSide, row: Sequence[Tile], sheet: Sheet, style: Style, *, most: int, y: float
) -> float:
    """One model's heading and its pictures, as large as those of the sheet's longest row, of `most`."""
    width, x = _inside(canvas, style), style.margin
    canvas.box(x, y, width, 1, colour=RULE)
    y = paragraph(canvas, x, y + style.gap / 2, side.title, width=width, size=style.title, bold=True)
    y = paragraph(canvas, x, y, facts.outcome(side, sheet), width=width, size=style.body)
    if side.worth:
        y = paragraph(canvas, x, y, side.worth, width=width, size=style.small)
    if sheet.attacked and side.trust:
        y = paragraph(canvas, x, y, side.trust, width=width, size=style.small, colour=MUTED)
    edge = min(style.tile, (width - (most - 1) * style.gap) / most)
    return _tile_row(canvas, row, style, edge=edge, y=y + style.gap / 2) + style.gap


def _row(side: SheetSide, sheet: Sheet) -> list[Tile]:
    row = [Tile("Scan", tiles.grey(side.clean), None)]
    if side.attacked is not None:
        change = tiles.difference(side.clean, side.attacked, factor=facts.factor(sheet))
        row += [
            Tile("Attacked", tiles.grey(side.attacked), None),
            Tile(f"Added, × {facts.factor_words(sheet)}", change, None),
        ]
    for pair in side.maps:
        row.append(Tile(f"Clean: {pair.title}", tiles.over_scan(pair.clean, side.clean, pair), pair))
        if pair.attacked is not None and side.attacked is not None:
            row.append(Tile(f"Attacked: {pair.title}", tiles.over_scan(pair.attacked, side.attacked, pair), pair))
    return row


def _tile_row(canvas: Canvas, row: Sequence[Tile], style: Style, *, edge: float, y: float) -> float:
    """Pictures beside each other; below each its scale, if it has one, and its caption of as many lines as needed."""
    lowest = y
    for place, tile in enumerate(row):
        x, top = style.margin + place * (edge + style.gap), y + edge + style.gap / 3
        canvas.picture(x, y, tile.pixels, width=edge, height=edge)
        if tile.bar is not None:
            top = _bar(canvas, tile.bar, style, x=x, y=top, edge=edge)
        lowest = max(lowest, paragraph(canvas, x, top, tile.caption, width=edge, size=style.small))
    return lowest


def _bar(canvas: Canvas, pair: MapPair, style: Style, *, x: float, y: float, edge: float) -> float:
    """The colours of a map with the two ends of its scale written below."""
    canvas.picture(x, y, tiles.colour_bar(pair), width=edge, height=style.small / 2)
    top = y + style.small / 2 + style.gap / 4
    low, high = (f"{end:.2g}" for end in pair.scale)
    right = x + edge - canvas.measure(high, size=style.small)
    canvas.text(x, top, low, size=style.small, colour=MUTED)
    canvas.text(right, top, high, size=style.small, colour=MUTED)
    return top + LEADING * style.small


def _notes(canvas: Canvas, sheet: Sheet, style: Style, *, y: float) -> float:
    """How to read the pictures."""
    said = [facts.legend(sheet)] if sheet.attacked else []
    if any(side.maps for side in sheet.sides):
        scale = " Clean and attacked share one scale, in cividis or blue-grey-orange." if sheet.attacked else ""
        said.append(f"{MAP_CAVEAT}{scale}")
    said += [facts.probability_note(sheet), sheet.task.population.sentence]
    text = " ".join(said)
    width = _inside(canvas, style)
    return paragraph(canvas, style.margin, y, text, width=width, size=style.small, colour=MUTED) + style.gap


# ---- tables and foot ---------------------------------------------------------------------------------------------


def _tables(canvas: Canvas, sheet: Sheet, style: Style, *, y: float) -> float:
    drawn = [(facts.probabilities(sheet), True)] + ([(facts.measurements(sheet), False)] if sheet.attacked else [])
    beside = min(style.tables, len(drawn)) if len(sheet.sides) <= FEW else 1
    width = (_inside(canvas, style) - (beside - 1) * 3 * style.gap) / beside
    tops = [y] * beside
    for number, (table, by_model) in enumerate(drawn):
        place = number % beside
        titles = [side.title for side in sheet.sides] if by_model else []
        x = style.margin + place * (width + 3 * style.gap)
        tops[place] = _table(canvas, table, style, x=x, y=tops[place], width=width, titles=titles) + style.gap
    return max(tops)


def _table(
    canvas: Canvas, table: facts.Table, style: Style, *, x: float, y: float, width: float, titles: Sequence[str]
) -> float:
    """A table whose first column is words; `titles` stand above the equal groups of the other columns."""
    others = len(table[0]) - 1
    column, line = (1 - LABEL_SHARE) * width / others, 1.15 * LEADING * style.small
    group = column * others / max(1, len(titles))
    for number, title in enumerate(titles):
        left = x + LABEL_SHARE * width + number * group
        said = fitted(canvas, title, width=group - style.gap / 2, size=style.small, bold=True)
        canvas.text(left, y, said, size=style.small, bold=True)
    y += line if titles else 0.0
    for number, row in enumerate(table):
        bold, colour = number == 0, INK if number else MUTED
        for place, cell in enumerate(row):
            left = x if place == 0 else x + LABEL_SHARE * width + (place - 1) * column
            room = (LABEL_SHARE * width if place == 0 else column) - style.gap / 3
            said = fitted(canvas, cell, width=room, size=style.small, bold=bold)
            canvas.text(left, y, said, size=style.small, bold=bold, colour=colour)
        y += line
        canvas.box(x, y - 0.3 * style.small, width, style.small / 14, colour=RULE)
    return y


def _foot(canvas: Canvas, sheet: Sheet, style: Style, *, y: float) -> float:
    width, x = _inside(canvas, style), style.margin
    for side in sheet.sides:
        y = paragraph(canvas, x, y, facts.identity(side), width=width, size=style.small, colour=MUTED)
    said = f"sha256 of the record {sheet.digest}; run it again with: meddef replay record.json"
    return paragraph(canvas, x, y, said, width=width, size=style.small, colour=MUTED)
