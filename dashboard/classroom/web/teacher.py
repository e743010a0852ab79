"""What the teacher's browser may ask for. `Gate` lets nobody else reach these paths; each checks the token again.

What needs PyTorch is imported where it is used: after a restart phones are answered before it is loaded.
"""

import io
from collections.abc import Callable
from typing import Any

import segno
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dashboard.classroom import access, challenge, room_state, rooms
from dashboard.classroom.errors import ClassroomError, NotAllowed
from dashboard.classroom.opened import Classroom
from dashboard.classroom.tables import Room
from dashboard.classroom.web.actions import offered, teacher_actions
from dashboard.classroom.web.answers import Body, endpoint, language_of, text
from dashboard.classroom.web.gate import TEACHER, address
from dashboard.classroom.web.pages import page, picture
from dashboard.classroom.web.student import with_cookie
from dashboard.services.words import Text


def teacher_routes(classroom: Classroom) -> list[BaseRoute]:
    """Pages, actions and answers for the teacher."""
    database, actions = classroom.database, teacher_actions(classroom)

    def only(handler: Callable[[Request, Body], Any]) -> Callable[[Request, Body], Any]:
        def checked(request: Request, body: Body) -> Any:
            token = request.cookies.get(TEACHER, "")
            if not token or not access.is_teacher(database, token):
                raise NotAllowed(Text("classroom.only-teacher", "Only the teacher may do this; sign in with the PIN."))
            return handler(request, body)

        return checked

    def sign_in(request: Request, body: Body) -> Response:
        token = access.sign_in(database, text(body, "pin"), who=address(request))
        return with_cookie(request, {}, name=TEACHER, token=token, seconds=int(access.SIGNED_IN_SECONDS))

    def sign_out(request: Request, body: Body) -> Response:
        access.sign_out(database, request.cookies[TEACHER])
        response = JSONResponse({})
        response.delete_cookie(TEACHER, path="/")
        return response

    def act(request: Request, body: Body) -> Any:
        name = request.path_params["action"]
        if name not in actions:
            raise ClassroomError(Text("classroom.there-no-such-action", "There is no such action."))
        return actions[name](body) or {}

    def room(request: Request, body: Body) -> Any:
        return room_state.for_teacher(database, request.path_params["code"])

    def projector(request: Request, body: Body) -> Any:
        told = room_state.for_projector(database, request.path_params["code"])
        if "contest" in told:
            from dashboard.classroom import trial_pictures

            told["contest"]["images"] = trial_pictures.listed(told["contest"]["id"], database, told["language"])
        return told | {"address": address_for(request)}

    def code(request: Request, body: Body) -> Response:
        return qr(address_for(request), request.path_params["code"])

    def report_csv(request: Request, body: Body) -> Response:
        from dashboard.classroom import report

        return download(report.as_csv(database, room_of(request)).encode(), "text/csv", room_of(request).code, "csv")

    def report_pdf(request: Request, body: Body) -> Response:
        from dashboard.classroom import report

        return download(report.as_pdf(database, room_of(request)), "application/pdf", room_of(request).code, "pdf")

    def room_of(request: Request) -> Room:
        return rooms.room_by_code(database, request.path_params["code"])

    def step(request: Request, body: Body) -> Any:
        from dashboard.classroom import steps

        return steps.told(steps.place_of(room_of(request)))

    def figures(request: Request, body: Body) -> Any:
        from dashboard.classroom import steps

        return steps.drawn(steps.place_of(room_of(request)))

    def trial(request: Request, body: Body) -> Response:
        from dashboard.classroom import trial_pictures

        given = challenge.challenge(database, request.path_params["challenge"])
        return picture(trial_pictures.png_of(given, request.path_params["place"]))

    def address_for(request: Request) -> str:
        """What students open: as set, else the address that the teacher's browser uses."""
        return classroom.url or f"{request.url.scheme}://{request.headers.get('host', '')}/class"

    return [
        Route("/api/sign_in", endpoint(sign_in), methods=["POST"]),
        Route("/teach/sign_out", endpoint(only(sign_out)), methods=["POST"]),
        Route("/teach/{action}", endpoint(only(act)), methods=["POST"]),
        Route("/teach/room/{code}", endpoint(only(room)), methods=["GET"]),
        Route("/teach/projector/{code}", endpoint(only(projector)), methods=["GET"]),
        Route("/teach/qr/{code}", endpoint(only(code)), methods=["GET"]),
        Route("/teach/step/{code}", endpoint(only(step)), methods=["GET"]),
        Route("/teach/figures/{code}", endpoint(only(figures)), methods=["GET"]),
        Route("/teach/trial/{challenge:int}/{place:int}", endpoint(only(trial)), methods=["GET"]),
        Route("/teach/report/{code}.csv", endpoint(only(report_csv)), methods=["GET"]),
        Route("/teach/report/{code}.pdf", endpoint(only(report_pdf)), methods=["GET"]),
        Route("/teach/handout/{lesson}.pdf", endpoint(only(printed)), methods=["GET"]),
        Route("/teach/offered", endpoint(only(lambda r, b: offered(language_of(r)))), methods=["GET"]),
        Route("/teacher", endpoint(only(lambda r, b: page("teacher", language=language_of(r)))), methods=["GET"]),
        Route("/present", endpoint(only(lambda r, b: page("presenter", language=language_of(r)))), methods=["GET"]),
    ]


def printed(request: Request, body: Body) -> Response:
    """A lesson's handout, in the language of the teacher's page."""
    from dashboard.classroom import steps
    from dashboard.classroom.handout import handout

    language = language_of(request)
    lesson = steps.find(request.path_params["lesson"], language=language)
    return download(handout(lesson, language=language), "application/pdf", lesson.key, "pdf")


def download(data: bytes, kind: str, name: str, ending: str) -> Response:
    """A file that the browser keeps under a name of ours."""
    return Response(
        data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="meddef-{name}.{ending}"'}
    )


def qr(address: str, code: str) -> Response:
    """The address of the phone page with the code, as a QR code for the projector."""
    drawn = io.BytesIO()
    drawn_code = segno.make(f"{address}?code={rooms.normal_code(code)}", error="m")
    drawn_code.save(drawn, kind="svg", scale=8, border=4, light="white")
    return Response(drawn.getvalue(), media_type="image/svg+xml")
