"""A sheet as one PNG picture, for a slide or a message: 1600 pixels wide, as high as it needs to be."""

import math

from meddef_core.intended_use import INTENDED_USE
from meddef_core.report import facts
from meddef_core.report.layout import Style, lay_out
from meddef_core.report.png import PngCanvas
from meddef_core.report.sheet import Sheet

WIDTH = 1600

STYLE = Style(margin=40, heading=38, title=28, body=22, small=17, gap=16, tile=300, tables=2)


def panel(sheet: Sheet) -> bytes:
    """The PNG file. Its text chunks repeat the title, the intended use and the digest of the record."""
    height = math.ceil(lay_out(PngCanvas(WIDTH, 1), sheet, STYLE))
    canvas = PngCanvas(WIDTH, height)
    lay_out(canvas, sheet, STYLE)
    notes = {"Title": f"MedDef: {facts.heading(sheet)}", "Comment": INTENDED_USE, "Record-SHA256": sheet.digest}
    return canvas.finish(notes)
