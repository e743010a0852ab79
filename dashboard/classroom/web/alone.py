"""A lesson on the projector without a class: its page, the teacher's notes in a second window, and what both ask for.

Nothing is kept on the server. Where the lesson is stands in the page's address, and the two windows tell each other.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dashboard.classroom.errors import ClassroomError
from dashboard.classroom.web.answers import Body, endpoint, language_of
from dashboard.classroom.web.pages import page, static_route
from dashboard.services import presenter_key
from dashboard.services.words import Text

if TYPE_CHECKING:  # it loads PyTorch, which the first request of a lesson may do
    from dashboard.classroom.steps import Place

ADDRESS = "/present"


def alone_routes() -> list[BaseRoute]:
    """For every server; one with a class has the static files already."""
    pages = {ADDRESS: "alone", f"{ADDRESS}/notes": "notes"}
    return [
        *(Route(path, endpoint(_only(_page(name)))) for path, name in pages.items()),
        Route(f"{ADDRESS}/step", endpoint(_only(_step))),
        Route(f"{ADDRESS}/figures", endpoint(_only(_figures))),
        static_route("/class/static/{name}"),
    ]


def _only(handler: Callable[[Request, Body], Any]) -> Callable[[Request, Body], Any]:
    def checked(request: Request, body: Body) -> Any:
        presenter_key.check(request.query_params.get("key", ""))
        return handler(request, body)

    return checked


def _page(name: str) -> Callable[[Request, Body], Response]:
    return lambda request, body: page(name, language=language_of(request))


def _step(request: Request, body: Body) -> Any:
    from dashboard.classroom import steps

    return steps.told(_place(request))


def _figures(request: Request, body: Body) -> Any:
    from dashboard.classroom import steps

    return steps.drawn(_place(request))


def _place(request: Request) -> "Place":
    """What the address asks for; its steps count from 1, as in the links of the page Teach."""
    from dashboard.classroom.steps import Place

    asked = request.query_params
    number = asked.get("step", "1")
    if not (number.isascii() and number.isdecimal() and len(number) < 4):
        raise ClassroomError(Text("classroom.step-must", "step must be a whole number."))
    return Place(
        lesson=asked.get("lesson", ""),
        step=int(number) - 1,
        language=language_of(request),
        revealed=asked.get("revealed") == "1",
    )
