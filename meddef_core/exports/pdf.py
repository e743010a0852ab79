"""A canvas of points: one A4 page as PDF 1.4 (ISO 32000-1), written here because it needs no more than this.

Letters are Helvetica, one of the fonts that every viewer has (section 9.6.2.2), so none is embedded; they cover
Western scripts, and what lies outside becomes a question mark.
"""

import zlib
from collections.abc import Mapping

from meddef_core.exports.canvas import INK, Colour, Rgb

A4 = (595.28, 841.89)
"""Width and height in points."""

WRITTEN = {"−": "-", "ε": "eps", "∞": "inf", "≤": "<=", "≥": ">="}
"""Signs outside the page's encoding (cp1252), as they are written instead."""

ASCENT = 0.76
"""From the top of a line to the line its letters stand on, as a share of the size."""

_REGULAR = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 "
    "278 556 500 722 500 500 500 334 260 334 584"
)
_BOLD = (
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333 "
    "584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 "
    "333 611 556 778 556 556 500 389 280 389 584"
)
WIDTHS = {bold: tuple(map(int, row.split())) for bold, row in ((False, _REGULAR), (True, _BOLD))}
"""Widths of the signs 32 to 126 in thousandths of the size (Adobe's metrics of Helvetica and Helvetica-Bold)."""

OTHER_WIDTH = 600
"""For all other signs: wider than most, so that a line is rather broken early."""


class PdfCanvas:
    """One upright A4 page."""

    def __init__(self) -> None:
        self.width: float = A4[0]
        self._marks: list[str] = []
        self._pictures: list[Rgb] = []

    def text(self, x: float, y: float, text: str, *, size: float, bold: bool = False, colour: Colour = INK) -> None:
        """See `Canvas`."""
        font, base = "F2" if bold else "F1", A4[1] - y - ASCENT * size
        self._marks.append(f"BT {_fill(colour)} /{font} {size:g} Tf {x:.2f} {base:.2f} Td ({_escaped(text)}) Tj ET")

    def measure(self, text: str, *, size: float, bold: bool = False) -> float:
        """See `Canvas`."""
        widths = WIDTHS[bold]
        return size / 1000 * sum(widths[sign - 32] if 32 <= sign <= 126 else OTHER_WIDTH for sign in _encoded(text))

    def picture(self, x: float, y: float, pixels: Rgb, *, width: float, height: float) -> None:
        """See `Canvas`."""
        self._marks.append(
            f"q {width:.2f} 0 0 {height:.2f} {x:.2f} {A4[1] - y - height:.2f} cm /I{len(self._pictures)} Do Q"
        )
        self._pictures.append(pixels)

    def box(self, x: float, y: float, width: float, height: float, *, colour: Colour) -> None:
        """See `Canvas`."""
        self._marks.append(f"{_fill(colour)} {x:.2f} {A4[1] - y - height:.2f} {width:.2f} {height:.2f} re f")

    def finish(self, *, info: Mapping[str, str]) -> bytes:
        """The file; `info` is its document information, such as Title and CreationDate."""
        first = 8  # number of the first picture's object; those before it are fixed
        names = " ".join(f"/I{n} {first + n} 0 R" for n in range(len(self._pictures)))
        resources = f"<< /Font << /F1 5 0 R /F2 6 0 R >> /XObject << {names} >> >>"
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R /Lang (en) /ViewerPreferences << /DisplayDocTitle true >> >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {A4[0]} {A4[1]}] /Resources {resources} "
            "/Contents 4 0 R >>".encode(),
            _stream("", "\n".join(self._marks).encode("ascii")),
            _font("Helvetica"),
            _font("Helvetica-Bold"),
            ("<< " + " ".join(f"/{key} ({_escaped(value)})" for key, value in info.items()) + " >>").encode(),
            *(_image(pixels) for pixels in self._pictures),
        ]
        return _file(objects)


def _file(objects: list[bytes]) -> bytes:
    """Header, numbered objects, the table of where each begins, and the trailer (section 7.5)."""
    out, begins = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, content in enumerate(objects, start=1):
        begins.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % begin for begin in begins)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 7 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)


def _stream(entries: str, content: bytes) -> bytes:
    return f"<< {entries} /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"


def _image(pixels: Rgb) -> bytes:
    height, width = pixels.shape[:2]
    entries = (
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB /BitsPerComponent 8 "
        "/Filter /FlateDecode"
    )
    return _stream(entries, zlib.compress(pixels.tobytes(), 6))


def _font(name: str) -> bytes:
    return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()


def _fill(colour: Colour) -> str:
    return " ".join(f"{channel / 255:.3f}" for channel in colour) + " rg"


def _encoded(text: str) -> bytes:
    for sign, instead in WRITTEN.items():
        text = text.replace(sign, instead)
    return text.encode("cp1252", "replace")


def _escaped(text: str) -> str:
    """A PDF string's inside in ASCII: the two brackets and the backslash escaped, other bytes in octal."""
    return "".join(
        f"\\{chr(byte)}" if byte in b"()\\" else chr(byte) if 32 <= byte <= 126 else f"\\{byte:03o}"
        for byte in _encoded(text)
    )
