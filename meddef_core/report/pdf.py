"""A canvas of points: one A4 page as a PDF, written by reportlab.

Letters are Helvetica, one of the fonts that every viewer has, so none is embedded; they cover Western scripts, and what
lies outside becomes a question mark.
"""

import io

from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas as Page

from meddef_core.report.canvas import INK, Colour, Rgb

__all__ = ["A4", "PdfCanvas", "PdfRuler"]

WRITTEN = {"−": "-", "ε": "eps", "∞": "inf", "≤": "<=", "≥": ">="}
"""Signs outside the page's encoding (cp1252), as they are written instead."""

ASCENT = 0.76
"""From the top of a line to the line its letters stand on, as a share of the size."""


class PdfCanvas:
    """One upright A4 page; the same marks give the same bytes."""

    def __init__(self) -> None:
        self.width: float = A4[0]
        self._buffer = io.BytesIO()
        self._page = Page(self._buffer, pagesize=A4, invariant=True, lang="en")

    def text(self, x: float, y: float, text: str, *, size: float, bold: bool = False, colour: Colour = INK) -> None:
        """See `Canvas`."""
        self._fill(colour)
        self._page.setFont(_font(bold), size)
        self._page.drawString(x, A4[1] - y - ASCENT * size, _writable(text))

    def measure(self, text: str, *, size: float, bold: bool = False) -> float:
        """See `Canvas`."""
        return float(stringWidth(_writable(text), _font(bold), size))

    def picture(self, x: float, y: float, pixels: Rgb, *, width: float, height: float) -> None:
        """See `Canvas`."""
        self._page.drawImage(ImageReader(Image.fromarray(pixels)), x, A4[1] - y - height, width, height)

    def box(self, x: float, y: float, width: float, height: float, *, colour: Colour) -> None:
        """See `Canvas`."""
        self._fill(colour)
        self._page.rect(x, A4[1] - y - height, width, height, stroke=0, fill=1)

    def finish(self, *, title: str, subject: str, keywords: str, producer: str) -> bytes:
        """The file, with its document information."""
        self._page.setTitle(title)
        self._page.setSubject(subject)
        self._page.setKeywords(keywords)
        self._page.setProducer(producer)
        self._page.showPage()
        self._page.save()
        return self._buffer.getvalue()

    def _fill(self, colour: Colour) -> None:
        self._page.setFillColorRGB(*(channel / 255 for channel in colour))


class PdfRuler(PdfCanvas):
    """A page to find a layout with: as `PdfCanvas`, but no picture is encoded, which takes nearly all of the time."""

    def picture(self, x: float, y: float, pixels: Rgb, *, width: float, height: float) -> None:
        """Left out."""


def _font(bold: bool) -> str:
    return "Helvetica-Bold" if bold else "Helvetica"


def _writable(text: str) -> str:
    for sign, instead in WRITTEN.items():
        text = text.replace(sign, instead)
    return text.encode("cp1252", "replace").decode("cp1252")
