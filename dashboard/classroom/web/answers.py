"""From functions of plain values to HTTP: JSON in, JSON out, and every refusal one sentence in the room's language."""

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboard.classroom.errors import ClassroomError
from dashboard.classroom.words import translator
from dashboard.language import LANGUAGES
from dashboard.services.errors import MedDefError
from dashboard.services.words import Text

MOST_BYTES = 64 * 1024
"""Of one message: the longest question is far shorter."""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
}
"""No script, style or picture but this server's own, whatever a nickname or a question holds."""

Body = Mapping[str, Any]
Handler = Callable[[Request, Body], Any]


def endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A function of the request and its JSON as a Starlette endpoint; it runs in a thread.

    What it returns is the answer: a `Response`, or something for JSON.
    """

    async def answer(request: Request) -> Response:
        try:
            body = await read_body(request) if request.method == "POST" else {}
            found = await run_in_threadpool(handler, request, body)
        except MedDefError as error:
            found = refusal(request, error)
        response = found if isinstance(found, Response) else JSONResponse(found)
        response.headers.update(HEADERS)
        return response

    return answer


async def read_body(request: Request) -> Body:
    """The JSON object of a request; ClassroomError for anything else.

    A form of another page cannot send this type without the browser asking first.
    """
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise ClassroomError(Text("classroom.message-classroom", "A message to the classroom is JSON."))
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > MOST_BYTES:
            raise ClassroomError(Text("classroom.message-too", "This message is too long; shorten it."))
    try:
        body = json.loads(received)
    except (ValueError, RecursionError) as error:
        raise ClassroomError(Text("classroom.message-classroom", "A message to the classroom is JSON.")) from error
    if not isinstance(body, dict):
        raise ClassroomError(Text("classroom.message-classroom-json", "A message to the classroom is a JSON object."))
    return body


def refusal(request: Request, error: MedDefError) -> JSONResponse:
    """One sentence, in the language of the page that asks."""
    status = error.status if isinstance(error, ClassroomError) else HTTPStatus.BAD_REQUEST
    return JSONResponse({"error": translator(language_of(request))(str(error))}, status_code=status)


def language_of(request: Request) -> str:
    """What a page asks for with ?lang= or its browser prefers; English otherwise."""
    asked = request.query_params.get("lang", "")
    if asked in LANGUAGES:
        return asked
    preferred = request.headers.get("accept-language", "").lower()
    return "zh" if preferred.startswith("zh") else "en"


def text(body: Body, name: str, *, usual: str | None = None) -> str:
    """A string of a message; ClassroomError where it is something else."""
    return as_text(body.get(name, usual), name)


def as_text(value: object, name: str) -> str:
    """The value as a string that a database can hold; ClassroomError for anything else."""
    if not isinstance(value, str) or "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ClassroomError(Text("classroom.name-must", "{name} must be text.", name=name))
    return value


def whole(body: Body, name: str) -> int:
    """A whole number of a message."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**31:
        raise ClassroomError(Text("classroom.name-must-whole", "{name} must be a whole number.", name=name))
    return value


def switch(body: Body, name: str) -> bool:
    """A yes or no of a message."""
    value = body.get(name)
    if not isinstance(value, bool):
        raise ClassroomError(Text("classroom.name-must-true", "{name} must be true or false.", name=name))
    return value


def number(body: Body, name: str) -> float:
    """A number of a message; it may be infinite, which JSON in Python allows."""
    value = body.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ClassroomError(Text("classroom.name-must-number", "{name} must be a number.", name=name))
    return float(value)
