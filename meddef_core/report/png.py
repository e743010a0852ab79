"""A canvas of pixels: PNG bytes at the end. Letters are Pillow's own, so that every machine draws the same."""

import io
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from meddef_core.report.canvas import INK, PAPER, Colour, Rgb

WRITTEN = {"×": "x", "–": "-", "—": "-", "−": "-", "…": "...", "ε": "eps", "∞": "inf", "“": '"', "”": '"', "’": "'"}
"""Signs that Pillow's letters lack, as they are written instead."""

BOLD_STROKE = 0.022
"""Pillow has one weight only: bold is drawn by thickening the outline, as a share of the size."""


class PngCanvas:
    """A white picture of `width` x `height` pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.width: float = width
        self._image = Image.new("RGB", (width, height), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def text(self, x: float, y: float, text: str, *, size: float, bold: bool = False, colour: Colour = INK) -> None:
        """See `Canvas`."""
        stroke = BOLD_STROKE * size if bold else 0
        self._draw.text((x, y), _drawable(text), fill=colour, font=_font(size), stroke_width=stroke)

    def measure(self, text: str, *, size: float, bold: bool = False) -> float:
        """See `Canvas`."""
        return float(_font(size).getlength(_drawable(text))) + (2 * BOLD_STROKE * size if bold else 0.0)

    def picture(self, x: float, y: float, pixels: Rgb, *, width: float, height: float) -> None:
        """See `Canvas`."""
        resized = Image.fromarray(pixels).resize((round(width), round(height)), Image.Resampling.LANCZOS)
        self._image.paste(resized, (round(x), round(y)))

    def box(self, x: float, y: float, width: float, height: float, *, colour: Colour) -> None:
        """See `Canvas`."""
        self._draw.rectangle((x, y, x + width - 1, y + height - 1), fill=colour)

    def finish(self, notes: Mapping[str, str]) -> bytes:
        """The file; `notes` go into it as text that picture viewers show among its properties."""
        info = PngInfo()
        for key, value in notes.items():
            info.add_itxt(key, value)
        buffer = io.BytesIO()
        self._image.save(buffer, "PNG", pnginfo=info)
        return buffer.getvalue()


@lru_cache(maxsize=16)
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _drawable(text: str) -> str:
    """The text in letters that the font has; accents go, other scripts become question marks."""
    for sign, instead in WRITTEN.items():
        text = text.replace(sign, instead)
    return "".join(_letter(sign) for sign in text)


def _letter(sign: str) -> str:
    if sign.isascii() or sign in "±·°":
        return sign
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return plain or "?"
