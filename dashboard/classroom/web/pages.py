"""The classroom's pages: HTML files of this folder, filled with words of the catalogue, and static files."""

import html
import json
import re
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from dashboard.classroom.errors import NotHere
from dashboard.classroom.web.answers import HEADERS, Body, endpoint, language_of
from dashboard.classroom.web.page_words import PAGES

FOLDER = Path(__file__).parent / "static"
PLACE = re.compile(r"\{\{(\w+)\}\}")
KINDS = {".js": "text/javascript", ".css": "text/css"}


def page(name: str, *, language: str) -> HTMLResponse:
    """One page: its body in the frame that all share.

    `{{key}}` is the sentence of that key, and `{{words}}` all of them for the page's script.
    """
    words = PAGES[name](language)
    kept = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")
    own = {"words": kept, "lang": language, "script": name}
    filled = {key: html.escape(sentence) for key, sentence in words.items()} | own
    whole = _file("frame.html").replace("{{body}}", _file(f"{name}.html"))
    return HTMLResponse(PLACE.sub(lambda found: filled[found[1]], whole), headers=HEADERS)


def picture(png: bytes) -> Response:
    """A PNG file that never changes under its address."""
    return Response(png, media_type="image/png")


def page_routes() -> list[BaseRoute]:
    """Pages and files for everybody."""

    def phone(request: Request, body: Body) -> Response:
        return page("phone", language=language_of(request))

    def sign_in(request: Request, body: Body) -> Response:
        return page("sign_in", language=language_of(request))

    return [Route("/", endpoint(phone)), Route("/sign-in", endpoint(sign_in)), static_route("/static/{name}")]


def static_route(path: str) -> BaseRoute:
    """Scripts and styles, under an address with `{name}` in it."""

    def static(request: Request, body: Body) -> Response:
        file = FOLDER / request.path_params["name"]
        if file.suffix not in KINDS or not file.is_file():
            raise NotHere("There is no such file.")
        return FileResponse(file, media_type=KINDS[file.suffix])

    return Route(path, endpoint(static))


@cache
def _file(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
