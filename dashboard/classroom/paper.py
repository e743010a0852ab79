"""Pages to print: A4 as PDF, in English or Chinese, with the intended use and the number on each page.

Letters are those that every viewer brings along, so none is embedded.
"""

import html
import io
from collections.abc import Sequence
from typing import Any

from PIL import Image as Pixels
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, Image, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from dashboard.classroom.words import translator
from dashboard.services.drawing import Rgb
from dashboard.services.settings import __version__
from dashboard.services.words import INTENDED_USE

MARGIN = 17 * mm
WIDTH = A4[0] - 2 * MARGIN
GAP = 3 * mm
CHINESE = "STSong-Light"
INK, MUTED, RULE = (colors.Color(*(c / 255 for c in rgb)) for rgb in ((24, 28, 36), (84, 92, 104), (205, 210, 218)))

pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))

Block = tuple[str, Any]
"""A kind of block with what it holds; drawn once the language is known."""


def heading(text: str, *, level: int) -> Block:
    """A title (1) or a heading (2)."""
    return f"h{level}", text


def paragraph(text: str, *, bold: bool = False, small: bool = False) -> Block:
    """Plain text."""
    return "strong" if bold else "small" if small else "body", text


def table(rows: Sequence[Sequence[str]], *, widths: Sequence[float] | None = None) -> Block:
    """Plain cells under a head; `widths` are shares of the page."""
    return "table", (rows, widths)


def pictures(row: Sequence[tuple[Rgb, str]]) -> Block:
    """Pictures beside each other with captions."""
    return "pictures", row


def new_page() -> Block:
    """What follows begins a page."""
    return "page", None


def document(blocks: Sequence[Block], *, title: str, language: str) -> bytes:
    """The PDF file."""
    buffer, said = io.BytesIO(), translator(language)(INTENDED_USE)
    font = CHINESE if language == "zh" else "Helvetica"

    def foot(canvas: Any, page: Any) -> None:
        canvas.setFont(font, 7.5)
        canvas.setFillColor(MUTED)
        canvas.drawString(MARGIN, 9 * mm, said)
        canvas.drawRightString(A4[0] - MARGIN, 9 * mm, str(canvas.getPageNumber()))

    file = SimpleDocTemplate(
        buffer, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=14 * mm, bottomMargin=16 * mm,
        title=title, author=f"MedDef {__version__}", subject=INTENDED_USE, lang=language, invariant=1,
    )  # fmt: skip
    styles = _styles(language)
    file.build([part for block in blocks for part in _drawn(block, styles)], onFirstPage=foot, onLaterPages=foot)
    return buffer.getvalue()


def _styles(language: str) -> dict[str, ParagraphStyle]:
    plain, bold = (CHINESE, CHINESE) if language == "zh" else ("Helvetica", "Helvetica-Bold")
    wrap = {"wordWrap": "CJK"} if language == "zh" else {}

    def style(name: str, font: str, size: float, after: float, colour: Any = INK, before: float = 0) -> ParagraphStyle:
        return ParagraphStyle(
            name, fontName=font, fontSize=size, leading=1.3 * size, spaceAfter=after, spaceBefore=before,
            textColor=colour, **wrap,
        )  # fmt: skip

    return {
        "h1": style("h1", bold, 17, 8),
        "h2": style("h2", bold, 12, 4, before=8),
        "body": style("body", plain, 9.5, 5),
        "strong": style("strong", bold, 9.5, 4),
        "small": style("small", plain, 8, 3, MUTED),
        "cell": style("cell", plain, 8, 0),
    }


def _drawn(block: Block, styles: dict[str, ParagraphStyle]) -> list[Flowable]:
    kind, held = block
    if kind == "page":
        return [PageBreak()]
    if kind == "table":
        rows, widths = held
        return [_table(rows, widths, styles), Spacer(0, GAP)]
    if kind == "pictures":
        return [_pictures(held, styles), Spacer(0, GAP)]
    return [Paragraph(html.escape(held), styles[kind])]


def _table(rows: Sequence[Sequence[str]], widths: Sequence[float] | None, styles: dict[str, ParagraphStyle]) -> Table:
    cells = [[Paragraph(html.escape(cell), styles["cell"]) for cell in row] for row in rows]
    shares = widths or [1 / len(rows[0])] * len(rows[0])
    lined = TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    return Table(cells, colWidths=[share * WIDTH for share in shares], repeatRows=1, style=lined)


def _pictures(row: Sequence[tuple[Rgb, str]], styles: dict[str, ParagraphStyle]) -> Table:
    edge = min(46 * mm, (WIDTH - (len(row) - 1) * GAP) / len(row))
    drawn = []
    for pixels, _ in row:
        file = io.BytesIO()
        Pixels.fromarray(pixels).save(file, "PNG")
        drawn.append(Image(file, edge, edge * pixels.shape[0] / pixels.shape[1]))
    captions = [Paragraph(html.escape(caption), styles["small"]) for _, caption in row]
    flush = TableStyle([("LEFTPADDING", (0, 0), (-1, -1), 0), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    return Table([drawn, captions], colWidths=[edge + GAP] * len(row), hAlign="LEFT", style=flush)
