"""`multipart/related` bodies (RFC 2387), as WADO-RS answers with them and STOW-RS takes them."""

import re
import secrets
from collections.abc import Sequence

from meddef_core.pacs.errors import PacsError
from meddef_core.text import Text

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)

OVERHEAD = 4096
"""Bytes around one object: boundaries and headers of its part."""


def joined(objects: Sequence[bytes]) -> tuple[bytes, str]:
    """DICOM files as one body, and its content type."""
    boundary = f"meddef-{secrets.token_hex(16)}"
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(part for each in objects for part in (head, each, b"\r\n")) + f"--{boundary}--\r\n".encode()
    return body, f'multipart/related; type="application/dicom"; boundary={boundary}'


def only_part(body: bytes, content_type: str) -> bytes:
    """The one object in a body; raises PacsError for none, several or half of one.

    Some servers send the object as it is.
    """
    if content_type.lower().startswith("application/dicom"):
        return body
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _garbled()
    mark = b"--" + found.group(1).strip().encode("latin-1")
    start = body.find(mark)
    head = body.find(b"\r\n\r\n", start)
    # From behind: what looks like a boundary inside the pixels is none.
    end = body.rfind(b"\r\n" + mark + b"--")
    if start < 0 or head < 0 or end < head + 4:
        raise _garbled()
    return body[head + 4 : end]


def _garbled() -> PacsError:
    return PacsError(Text("pacs.pacs-sent", "The PACS sent an object that is cut short or not DICOM; fetch it again."))
