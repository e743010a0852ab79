"""HTTP to one server: no redirects, no settings of the environment, answers bounded in bytes and in time."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import requests

from meddef_core.io.worker import CancelledError
from meddef_core.pacs.errors import AwayError, PacsError, TooLargeError
from meddef_core.text import Text

MOST_ANSWER = 32 * 1024**2
"""Bytes of an answer that is no scan: 10,000 instances take about 10 MB of JSON."""

ANSWER_SECONDS = 300.0
"""Time by the clock for one whole answer; the timeout of the settings is for each wait on the way."""


class OneServer(requests.Session):
    """A session that asks the server at `address` only.

    A redirect could carry a password to another host, and proxies or `.netrc` of the environment could, too.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        self.trust_env = False
        self._origin = _origin(address)
        self.headers["Accept-Encoding"] = "identity"

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """As `Session.send`; raises PacsError for another host, a redirect and an answer without end."""
        if _origin(str(request.url)) != self._origin:
            raise PacsError(
                Text(
                    "pacs.pacs-names",
                    "The PACS names another server, which is not asked; correct the address in MEDDEF_PACS_URL.",
                )
            )
        streamed = bool(options.get("stream"))
        response = super().send(request, **{**options, "stream": True, "allow_redirects": False})
        if response.is_redirect:
            response.close()
            raise PacsError(
                Text(
                    "pacs.pacs-redirects",
                    "The PACS redirects to another address; set MEDDEF_PACS_URL to the address it has now.",
                )
            )
        if not streamed:
            response.raw = Bounded(response.raw, most=MOST_ANSWER)
            _ = response.content  # read within the bound, before anybody asks for it
        return response


class Bounded:
    """A body that breaks off once it has more than `most` bytes or takes too long; else as urllib3's."""

    def __init__(self, raw: Any, *, most: int, cancelled: Callable[[], bool] = lambda: False) -> None:
        self._raw = raw
        self._most = most
        self._cancelled = cancelled
        self._until = time.monotonic() + ANSWER_SECONDS

    def stream(self, size: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """The body in pieces; TooLargeError when it is that, AwayError when too slow, CancelledError when unwanted."""
        received = 0
        for piece in self._raw.stream(size, decode_content=decode_content):
            received += len(piece)
            if received > self._most:
                self._raw.close()
                raise TooLargeError(
                    Text(
                        "pacs.answer-pacs",
                        "The answer of the PACS has more than {mb} MB; ask for less at a time.",
                        mb=self._most // 1024**2,
                    )
                )
            if time.monotonic() > self._until:
                self._raw.close()
                raise AwayError(Text("pacs.pacs-sends", "The PACS sends its answer too slowly; try again later."))
            if self._cancelled():
                self._raw.close()
                raise CancelledError(
                    Text(
                        "pacs.scan-not", "The scan was not fetched to its end, as nobody waits for it; choose it again."
                    )
                )
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
