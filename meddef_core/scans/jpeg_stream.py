"""What a JPEG would cost to decode, from its markers alone and without decoding (ITU-T T.81, annex B).

A decoder visits every block of the picture once a scan, however little the scan holds, and Pillow walks the markers one
by one in Python. Both are cheap in any file that a camera or a scanner writes.
"""

import re

from meddef_core.errors import ScanError
from meddef_core.text import Text

MAX_SCANS = 64
"""Scans of one picture. Encoders write 1 to 12; an optimiser of progressive files, some 20."""

MAX_MARKERS = 2000
"""Segments of one picture. Metadata, colour profiles and previews take some hundred at most."""

MAX_FILL = 64 * 1024
"""Bytes between segments that mean nothing."""

_START_OF_SCAN, _END_OF_IMAGE, _START_OF_IMAGE = 0xDA, 0xD9, 0xD8

_FILL = re.compile(rb"(?:[^\xff]|\xff\x00|\xff(?=\xff))*")
"""What decoders pass over before the mark of a segment: other bytes, and marks that are none."""

_NEXT_SEGMENT = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
"""Ends the coded data of a scan: a mark that is neither the start of a restart interval nor stuffing.

Behind 0xFF that belongs to the data, JPEG has 0 and JPEG-LS any byte below 0x80; no segment begins so low."""


def check_jpeg(data: bytes) -> None:
    """Raise ScanError for a JPEG with more scans, segments or filling than any picture needs."""
    scans = markers = fill = 0
    position = 2  # behind the mark that a JPEG begins with
    while position < len(data):
        start = position
        position = _behind_fill(data, position)
        fill, markers = fill + position - start, markers + 1
        if fill > MAX_FILL or markers > MAX_MARKERS:
            raise ScanError(
                Text(
                    "scan.jpeg-file",
                    "The JPEG file contains more metadata than a picture needs; export the scan again without it.",
                )
            )
        kind = data[position + 1 : position + 2]
        if not kind or kind[0] == _END_OF_IMAGE:
            return
        position += 2
        if kind[0] in (_START_OF_IMAGE, 0x01) or 0xD0 <= kind[0] <= 0xD7:  # these have no length
            continue
        position += max(2, int.from_bytes(data[position : position + 2], "big"))
        if kind[0] == _START_OF_SCAN:
            scans += 1
            if scans > MAX_SCANS:
                raise ScanError(
                    Text(
                        "scan.jpeg-file-holds",
                        "The JPEG file contains more than {most} scans; export it again as a plain JPEG.",
                        most=MAX_SCANS,
                    )
                )
            found = _NEXT_SEGMENT.search(data, position)
            position = len(data) if found is None else found.start()


def _behind_fill(data: bytes, position: int) -> int:
    found = _FILL.match(data, position, position + MAX_FILL + 2)
    return position if found is None else found.end()
