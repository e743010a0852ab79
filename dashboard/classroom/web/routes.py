"""Everything that a classroom adds to the server: its routes, its gate, and what runs while it is open."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route

from dashboard.classroom.database import Database
from dashboard.classroom.opened import Classroom, keep_swept
from dashboard.classroom.web.answers import endpoint, language_of
from dashboard.classroom.web.gate import Gate
from dashboard.classroom.web.pages import page, page_routes
from dashboard.classroom.web.student import student_routes
from dashboard.classroom.web.teacher import teacher_routes
from dashboard.lifespan import lifespan

Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def routes(classroom: Classroom) -> list[BaseRoute]:
    """All below /class: what is not found there is nowhere else, so no path leads from it to Streamlit."""
    inside = [*page_routes(), *student_routes(classroom), *teacher_routes(classroom)]
    phone = Route("/class", endpoint(lambda request, body: page("phone", language=language_of(request))))
    return [phone, Mount("/class", routes=inside)]


def gate(classroom: Classroom) -> Middleware:
    """Stands behind the door and before everything else."""
    return Middleware(Gate, database=classroom.database)


def lifespan_of(classroom: Classroom) -> Lifespan:
    """The server's own lifespan, and within it the threads that compute tries and delete what has run out."""

    @asynccontextmanager
    async def with_class(app: Any) -> AsyncIterator[None]:
        stop = threading.Event()
        sweeper = threading.Thread(target=keep_swept(classroom.database, stop=stop), daemon=True)
        trying = threading.Thread(target=_try, args=(classroom.database, stop), daemon=True)
        for thread in (sweeper, trying):
            thread.start()
        async with lifespan(app):
            try:
                yield
            finally:
                stop.set()

    return with_class


def _try(database: Database, stop: threading.Event) -> None:
    """Load what computes tries, which takes seconds, and start it."""
    from dashboard.classroom import trials

    for thread in trials.workers(database, stop=stop):
        thread.start()
