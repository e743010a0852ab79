"""Who may ask for what while a class can connect: a browser that gave no PIN reaches the phone page and nothing else.

Everything is closed but what `OPEN` lists, so a page or an endpoint that is added later is closed, too: Streamlit's
pages, its WebSocket and its uploads, and every action of the teacher.
"""

import re
import time
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.classroom import access
from dashboard.classroom.database import Database
from dashboard.classroom.tokens import digest
from dashboard.server import HEALTH
from dashboard.services.errors import MedDefError
from dashboard.services.words import Text

TEACHER = "meddef_teacher"
SEAT = "meddef_seat"
"""Names of the cookies."""

INSTEAD = {"/": "/class", "/class/teacher": "/class/sign-in"}
"""Closed pages that a person would open, and where to go instead."""

OPEN = re.compile(r"/class(/(static/[\w.-]+|api/\w+|image/\d+|sign-in))?/?")
"""Paths for everybody; the whole path must match."""

KNOWN_SECONDS = 5.0
"""How long a teacher's token is taken as good without asking the database; after a sign-out, that long at most."""

MOST_KNOWN = 1000
RATES = {"seat": (20.0, 60.0), "address": (200.0, 1200.0)}
"""Requests a second, and at once, of one seat and of one address, behind which a whole class may be."""

FOR_STUDENTS = Text(
    "classroom.students-reach", "Students reach the page of their class only; a teacher signs in with the PIN."
)
TOO_FAST = Text("classroom.too-many-requests", "Too many requests; wait a few seconds.")


class Gate:
    """ASGI middleware behind `Door`: roles and rates."""

    def __init__(self, app: ASGIApp, *, database: Database) -> None:
        self._app = app
        self._database = database
        self._known: dict[str, float] = {}
        self._buckets = {kind: Buckets(rate=rate, burst=burst) for kind, (rate, burst) in RATES.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        if self._is_too_fast(asked):
            await refuse(scope, receive, send, sentence=TOO_FAST, status=HTTPStatus.TOO_MANY_REQUESTS)
        elif self._is_open(scope) or await self._is_teacher(asked.cookies.get(TEACHER)):
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in INSTEAD:
            await RedirectResponse(INSTEAD[scope["path"]], HTTPStatus.SEE_OTHER)(scope, receive, send)
        else:
            await refuse(scope, receive, send, sentence=FOR_STUDENTS, status=HTTPStatus.FORBIDDEN)

    @staticmethod
    def _is_open(scope: Scope) -> bool:
        path: str = scope["path"]
        return scope["type"] == "http" and (OPEN.fullmatch(path) is not None or path == HEALTH)

    async def _is_teacher(self, token: str | None) -> bool:
        if not token:
            return False
        now, key = time.monotonic(), digest(token)
        if self._known.get(key, 0.0) > now:
            return True
        try:
            teacher = await run_in_threadpool(access.is_teacher, self._database, token)
        except MedDefError:  # no database, no teacher
            return False
        if teacher:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = now + KNOWN_SECONDS
        return teacher

    def _is_too_fast(self, asked: HTTPConnection) -> bool:
        keys = {"address": address(asked), "seat": asked.cookies.get(SEAT)}
        taken = [self._buckets[kind].take(key) for kind, key in keys.items() if key]  # each is counted
        return not all(taken)


class Buckets:
    """So many requests a second for each key, and `burst` at once after a pause."""

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str, *, now: float | None = None) -> bool:
        """Whether one more is allowed."""
        now = time.monotonic() if now is None else now
        if len(self._left) >= MOST_KNOWN:  # those that are full again say nothing
            self._left = {k: v for k, v in self._left.items() if v[0] + (now - v[1]) * self._rate < self._burst}
        left, at = self._left.get(key, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        self._left[key] = (max(0.0, left - 1), now)
        return left >= 1


def address(asked: HTTPConnection) -> str:
    """Where a request comes from, as the server was told."""
    return asked.client.host if asked.client is not None else "unknown"


async def refuse(scope: Scope, receive: Receive, send: Send, *, sentence: str, status: HTTPStatus) -> None:
    """Answer with one sentence; a WebSocket is closed before it opens."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await PlainTextResponse(f"{sentence}\n", status_code=status)(scope, receive, send)
