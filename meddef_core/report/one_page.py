"""A sheet as a PDF of exactly one A4 page, to print or to file."""

from dataclasses import replace

from meddef_core import __version__
from meddef_core.errors import MedDefError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.report import facts
from meddef_core.report.layout import Style, lay_out
from meddef_core.report.pdf import A4, PdfCanvas, PdfRuler
from meddef_core.report.sheet import Sheet
from meddef_core.text import Text

STYLES = (
    Style(margin=34, heading=15, title=10.5, body=8.2, small=6.6, gap=6, tile=130, tables=1),
    Style(margin=28, heading=13, title=9, body=7.2, small=5.8, gap=4.5, tile=130, tables=1),
)
"""Usual and crowded: the second where the first would leave only small pictures."""

TILES = {0: 62, 1: 30}
"""In points, the smallest picture of each style; below a centimetre it would show nothing."""


def report(sheet: Sheet) -> bytes:
    """The PDF file; pictures are as large as the page allows. Raises MedDefError for more models than a page holds."""
    canvas = PdfCanvas()
    lay_out(canvas, sheet, fitting(sheet))
    return canvas.finish(
        title=f"MedDef: {facts.heading(sheet)}",
        subject=INTENDED_USE,
        keywords=f"record sha256 {sheet.digest}",
        producer=f"MedDef {__version__}",
    )


def fitting(sheet: Sheet) -> Style:
    """The style with the largest pictures with which the sheet ends on its page."""
    for number, usual in enumerate(STYLES):
        tile = usual.tile
        while tile >= TILES[number]:
            style = replace(usual, tile=tile)
            if lay_out(PdfRuler(), sheet, style) <= A4[1]:
                return style
            tile -= 4
    raise MedDefError(
        Text("report.too-many-models", "{count} models do not fit on one page; compare fewer.", count=len(sheet.sides))
    )
