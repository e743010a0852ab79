"""What a phone may ask for: join, look, answer, try. None of it takes a file or changes a room."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dashboard.classroom import access, challenge, questions, room_state, rooms
from dashboard.classroom.errors import ClassroomError, NotAllowed, NotHere
from dashboard.classroom.opened import Classroom
from dashboard.classroom.web.answers import Body, endpoint, number, text, whole
from dashboard.classroom.web.gate import SEAT, TEACHER, address
from dashboard.classroom.web.pages import picture
from dashboard.services.words import Text

LONGEST_SEAT = 72 * 3600


def student_routes(classroom: Classroom) -> list[BaseRoute]:
    """Endpoints below /class that need no PIN."""
    database = classroom.database

    def join(request: Request, body: Body) -> Response:
        token, seat = rooms.join(
            database, text(body, "code"), nickname=text(body, "nickname", usual="")[:200], who=address(request)
        )
        return with_cookie(request, {"nickname": seat.nickname}, name=SEAT, token=token, seconds=LONGEST_SEAT)

    def state(request: Request, body: Body) -> dict[str, Any]:
        return room_state.for_student(database, seat_token(request))

    def vote(request: Request, body: Body) -> dict[str, Any]:
        given = questions.vote(
            database,
            seat_token(request),
            whole(body, "question"),
            choice=whole(body, "choice") if body.get("choice") is not None else None,
            number=number(body, "number") if body.get("number") is not None else None,
        )
        return {"choice": given.choice, "number": given.number}

    def attempt(request: Request, body: Body) -> dict[str, Any]:
        tried = challenge.attempt(database, seat_token(request), whole(body, "challenge"), body)
        return {"attempt": tried.id}

    def image(request: Request, body: Body) -> Response:
        png, room_id = questions.image(database, int(request.path_params["image"]))
        if not _may_see(request, room_id):
            raise NotAllowed(Text("classroom.picture-belongs", "This picture belongs to another class."))
        return picture(png)

    def _may_see(request: Request, room_id: int) -> bool:
        teacher = request.cookies.get(TEACHER)
        if teacher and access.is_teacher(database, teacher):
            return True
        return rooms.seat_of(database, seat_token(request))[1].id == room_id

    posts: dict[str, Callable[[Request, Body], Any]] = {"join": join, "vote": vote, "attempt": attempt}
    return [
        *(Route(f"/api/{name}", endpoint(handler), methods=["POST"]) for name, handler in posts.items()),
        Route("/api/state", endpoint(state), methods=["GET"]),
        Route("/image/{image:int}", endpoint(image), methods=["GET"]),
    ]


def seat_token(request: Request) -> str:
    """The token of the student's browser; NotHere where it has none."""
    token = request.cookies.get(SEAT)
    if not token:
        raise NotHere(Text("classroom.join-room", "Join a room with its code first."))
    if len(token) > 100:
        raise ClassroomError(Text("classroom.join-room", "Join a room with its code first."))
    return token


def with_cookie(request: Request, found: object, *, name: str, token: str, seconds: int) -> Response:
    """An answer that a browser keeps the token of; no script can read it, and no other site sends it along."""
    response = JSONResponse(found)
    response.set_cookie(
        name,
        token,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response
