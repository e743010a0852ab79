"""Messages over a pipe: two lengths, a header in JSON, and a body of plain bytes. Nothing in them is ever executed."""

import json
import struct
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Bytes = bytes | memoryview
"""A view has one dimension, of unsigned bytes."""

MAX_HEADER = 256 * 1024
"""Bytes of a header; a scan's tags and notes take some hundred."""

_LENGTHS = struct.Struct("<IQ")
"""Bytes of the header and of the body."""


class MessageError(Exception):
    """What came is no message: cut short, too long, or not JSON."""


class Readable(Protocol):
    """An unbuffered stream that is read from."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


class Writable(Protocol):
    """An unbuffered stream that is written to."""

    def write(self, data: memoryview, /) -> int | None: ...


def send(stream: Writable, header: Mapping[str, Any], body: Bytes = b"") -> None:
    """Write one message; raises OSError when the other end is gone."""
    text = json.dumps(header).encode()
    view = memoryview(body)
    for part in (_LENGTHS.pack(len(text), len(view)) + text, view):
        left = memoryview(part)
        while left:
            left = left[stream.write(left) or 0 :]


def receive(stream: Readable, *, most: int) -> tuple[dict[str, Any], NDArray[np.uint8]] | None:
    """Read one message whose body has at most `most` bytes; None when the other end is gone.

    Raises MessageError for anything else: no length is believed before it was compared with what is allowed.
    """
    start = _filled(stream, _LENGTHS.size)
    if start is None:
        return None
    header_length, body_length = _LENGTHS.unpack(start.data)
    if header_length > MAX_HEADER or body_length > most:
        raise MessageError("too long")
    text, body = _filled(stream, header_length), _filled(stream, body_length)
    if text is None or body is None:
        raise MessageError("cut short")
    try:
        header = json.loads(text.tobytes())
    except ValueError as error:
        raise MessageError("not JSON") from error
    if not isinstance(header, dict):
        raise MessageError("not an object")
    return header, body


def _filled(stream: Readable, length: int) -> NDArray[np.uint8] | None:
    """`length` bytes, read straight into the array that is handed on; None when the stream ends before."""
    found = np.empty(length, np.uint8)
    left = found.data
    while left:
        count = stream.readinto(left)
        if not count:
            return None
        left = left[count:]
    return found
