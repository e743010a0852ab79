"""The door of the server: which names it answers to, which origins may connect, and what it keeps closed.

Streamlit by itself answers any Host header, publishes its metrics to whoever asks, and looks up its own public address
on the internet as soon as a page of another origin connects. Each request passes here first, so that it never does.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.services.settings import Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names that a browser, a health check or a proxy on this machine uses."""

HEALTH = "/_stcore/health"
METRICS = "/_stcore/metrics"
PORTS = {"http": 80, "https": 443}

OTHER_HOST = "This server does not answer to that name; whoever runs it can allow it with MEDDEF_HOSTS."
OTHER_ORIGIN = "A page of another origin may not use this server; whoever runs it can allow it with MEDDEF_ORIGINS."
CLOSED = "Not found."


class Door:
    """ASGI middleware that refuses what `now` does not allow before the application sees it."""

    def __init__(self, app: ASGIApp, *, now: Settings) -> None:
        self._app = app
        self._hosts = (*LOOPBACK, *now.hosts)
        self._origins = frozenset(now.origins)
        self._metrics = now.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope["path"], headers)
        if refusal is None:
            await self._app(_of_one_origin(scope, headers), receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            status, sentence = refusal
            await PlainTextResponse(f"{sentence}\n", status_code=status)(scope, receive, send)

    def _refusal(self, path: str, headers: Mapping[bytes, str]) -> tuple[HTTPStatus, str] | None:
        if path.endswith(METRICS) and not self._metrics:
            return HTTPStatus.NOT_FOUND, CLOSED
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        # Monitors ask for the health by the machine's address, and it says nothing.
        if not path.endswith(HEALTH) and not _is_named(_split(f"//{host}"), self._hosts):
            return HTTPStatus.MISDIRECTED_REQUEST, OTHER_HOST
        if origin is not None and origin not in self._origins and not _is_same(origin, host):
            return HTTPStatus.FORBIDDEN, OTHER_ORIGIN
        return None


def _of_one_origin(scope: Scope, headers: Mapping[bytes, str]) -> Scope:
    """The scope with the origin's own host as Host: allowed origins count as this server's to Streamlit as well.

    For any other, Streamlit would look up the addresses of this machine before it reads its own list of origins.
    """
    origin = headers.get(b"origin")
    if origin is None:
        return scope
    host = urlsplit(origin).netloc.encode("latin-1")
    others: list[Any] = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "headers": [*others, (b"host", host)]}


def _is_named(host: SplitResult | None, allowed: tuple[str, ...]) -> bool:
    name = None if host is None or host.username is not None else host.hostname
    if name is None:
        return False
    name = name.rstrip(".")
    return any(
        each in ("*", name) or (each.startswith("*.") and name.endswith(each[1:])) for each in map(str.lower, allowed)
    )


def _is_same(origin: str, host: str) -> bool:
    """Whether a page of `origin` was served under this Host header; a port that the scheme implies may be left out."""
    page, server = _split(origin), _split(f"//{host}")
    if page is None or server is None or page.scheme not in PORTS:
        return False
    usual = PORTS[page.scheme]
    return (page.hostname, page.port or usual) == (server.hostname, server.port or usual)


def _split(url: str) -> SplitResult | None:
    """The parts of an address, None for a malformed one; reading its port raises nothing afterwards."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
