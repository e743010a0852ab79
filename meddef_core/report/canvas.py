"""What a page is drawn on. One layout serves a picture and a PDF: each is a `Canvas`.

Lengths are in the canvas's own unit (pixels, points), measured from the upper left corner; text hangs from its top.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
"""`(h, w, 3)`."""

Colour = tuple[int, int, int]

INK: Colour = (24, 28, 36)
MUTED: Colour = (84, 92, 104)
RULE: Colour = (205, 210, 218)
STAMP: Colour = (255, 241, 204)
PAPER: Colour = (255, 255, 255)

LEADING = 1.3
"""Distance of two lines as a multiple of the size of their letters."""


class Canvas(Protocol):
    """Something to draw on; what lies beyond its edge is lost."""

    width: float

    def text(self, x: float, y: float, text: str, *, size: float, bold: bool = False, colour: Colour = INK) -> None:
        """One line whose letters begin at `x`."""

    def measure(self, text: str, *, size: float, bold: bool = False) -> float:
        """How wide a line would be."""

    def picture(self, x: float, y: float, pixels: Rgb, *, width: float, height: float) -> None:
        """A picture stretched to a rectangle."""

    def box(self, x: float, y: float, width: float, height: float, *, colour: Colour) -> None:
        """A filled rectangle."""


def wrapped(canvas: Canvas, text: str, *, width: float, size: float, bold: bool = False) -> list[str]:
    """Text as lines no wider than `width`; a single word that is wider is cut."""
    lines: list[str] = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if canvas.measure(joined, size=size, bold=bold) <= width:
            lines[-1] = joined
        else:
            piece = fitted(canvas, word, width=width, size=size, bold=bold)
            lines = [*lines, piece] if lines[-1] else [piece]
    return lines


def fitted(canvas: Canvas, text: str, *, width: float, size: float, bold: bool = False) -> str:
    """Text that fits one line of `width`, its end replaced by dots where it must be."""
    if canvas.measure(text, size=size, bold=bold) <= width:
        return text
    while text and canvas.measure(f"{text}...", size=size, bold=bold) > width:
        text = text[:-1]
    return f"{text.rstrip()}..."


def paragraph(
    canvas: Canvas,
    x: float,
    y: float,
    text: str,
    *,
    width: float,
    size: float,
    bold: bool = False,
    colour: Colour = INK,
) -> float:
    """Draw text over as many lines as it needs; gives the `y` below the last."""
    for line in wrapped(canvas, text, width=width, size=size, bold=bold):
        canvas.text(x, y, line, size=size, bold=bold, colour=colour)
        y += LEADING * size
    return y
