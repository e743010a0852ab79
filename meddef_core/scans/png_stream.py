"""What the chunks of a PNG would cost to walk, without decoding any (PNG specification, section 5)."""

from meddef_core.errors import ScanError
from meddef_core.text import Text

MAX_CHUNKS = 50_000
"""Chunks of one file. Encoders cut 20 MB into some thousand pieces at most."""

_FRAME = 12
"""Bytes of a chunk beside its data: length, kind, checksum."""


def check_png(data: bytes) -> None:
    """Raise ScanError for a PNG in more chunks than any picture needs."""
    position = 8  # behind the mark that a PNG begins with
    for _ in range(MAX_CHUNKS):
        if position >= len(data) or data[position + 4 : position + 8] == b"IEND":
            return
        position += _FRAME + int.from_bytes(data[position : position + 4], "big")
    raise ScanError(
        Text("scan.png-file", "The PNG file is cut into more pieces than a picture needs; export the scan again.")
    )
