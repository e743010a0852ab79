"""What strangers may fill the server with before any page runs: connections, and files that no page has taken yet.

Streamlit bounds one file. It does not bound how many files a session sends, nor how many sessions there are.
"""

import asyncio
import re
import time
from collections import Counter
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from dashboard.services.settings import Settings

UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
MEGABYTE = 1024**2
LARGEST = 20 * MEGABYTE
"""Of one file, as .streamlit/config.toml sets it: what a body counts for that does not say its size."""

PATIENCE = 60.0
"""Seconds that an upload waits for room before it is refused."""

POLL = 0.5

SESSION_FULL = "This session has sent as many files as one may at a time; read those or remove some first."
SERVER_FULL = "This server holds as many files as it has memory for; please try again in a minute."


class Admission:
    """ASGI middleware: so many connections, and so many bytes of files for one session and for all of them.

    A full server makes uploads wait, and refuses further connections: a browser tries those again by itself.
    """

    def __init__(self, app: ASGIApp, *, now: Settings, patience: float = PATIENCE) -> None:
        self._app = app
        self._most_connected = now.sessions
        self._most_of_one = now.session_mb * MEGABYTE
        self._most = now.held_mb * MEGABYTE
        self._patience = patience
        self._connected = 0
        self._arriving: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upload = UPLOAD.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif upload is not None:
            await self._upload(upload[1], scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._connected >= self._most_connected:
            await send({"type": "websocket.close", "code": 1013})
            return
        self._connected += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._connected -= 1

    async def _upload(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        size = _size(Headers(scope=scope))
        end = time.monotonic() + self._patience
        while True:
            if _held(session) + self._arriving[session] + size > self._most_of_one:
                await _refuse(SESSION_FULL, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)(scope, receive, send)
                return
            if _held() + self._arriving.total() + size <= self._most:
                break
            if time.monotonic() >= end:
                await _refuse(SERVER_FULL, HTTPStatus.SERVICE_UNAVAILABLE)(scope, receive, send)
                return
            await asyncio.sleep(POLL)
        self._arriving[session] += size
        try:
            await self._app(scope, receive, send)
        finally:
            self._arriving[session] -= size
            self._arriving += Counter()  # drops the sessions that have come down to zero


def _size(headers: Headers) -> int:
    """Bytes that a body may have; one that says nothing, or nonsense, counts as the largest."""
    said = headers.get("content-length", "")
    return min(int(said), LARGEST) if said.isascii() and said.isdigit() else LARGEST


def _held(session: str | None = None) -> int:
    """Bytes of files that Streamlit holds, of one session or of all."""
    if not runtime.exists():
        return 0
    manager = runtime.get_instance().uploaded_file_mgr
    if not isinstance(manager, MemoryUploadedFileManager):
        return 0
    stored = manager.file_storage
    of = list(stored.values()) if session is None else [stored[session]] if session in stored else []
    return sum(len(file.data) for files in of for file in list(files.values()))


def _refuse(sentence: str, status: HTTPStatus) -> PlainTextResponse:
    return PlainTextResponse(f"{sentence}\n", status_code=status)
