"""What an RLE frame of a DICOM file unpacks to, without unpacking it (PS3.5, annex G)."""

import struct
from itertools import pairwise

from meddef_core.scans.damage import damaged

MAX_SEGMENTS = 15
HEADER = 64
"""Bytes before the first segment."""

MAX_IDLE = 4096
"""Control bytes that mean nothing, which no encoder writes."""


def check_run_lengths(frame: bytes, *, plane: int) -> None:
    """Refuse a frame whose segments overlap, or of which one unpacks to far more than the `plane` of bytes it holds.

    The decoder would write out all of it, 64 bytes for each one read. Raises ScanError.
    """
    count = int.from_bytes(frame[:4], "little")
    if not 1 <= count <= MAX_SEGMENTS or len(frame) < HEADER:
        raise damaged("DICOM")
    edges = [*struct.unpack_from(f"<{count}I", frame, 4), len(frame)]
    # In order, so that each byte is looked at once.
    if edges[0] < HEADER or any(start > end for start, end in pairwise(edges)):
        raise damaged("DICOM")
    idle = 0
    for start, end in pairwise(edges):
        length, found = _unpacked(frame, start, end, most=2 * plane)
        idle += found
        if length > 2 * plane or idle > MAX_IDLE:
            raise damaged("DICOM")


def _unpacked(frame: bytes, start: int, end: int, *, most: int) -> tuple[int, int]:
    """Bytes that a segment unpacks to, counted until `most` are passed, and its control bytes that mean nothing."""
    position, length, idle = start, 0, 0
    while position < end and length <= most and idle <= MAX_IDLE:
        control = frame[position]
        if control < 128:  # that many bytes and one more follow as they are
            length, position = length + control + 1, position + control + 2
        elif control > 128:  # the next byte is repeated
            length, position = length + 257 - control, position + 2
        else:
            position, idle = position + 1, idle + 1
    return length, idle
