"""The classroom's routes and gate on a real server in a thread of this process, without Streamlit behind them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from served import free_port
from starlette.applications import Starlette

from dashboard.classroom.opened import Classroom
from dashboard.classroom.web.routes import gate, routes

START_SECONDS = 60.0


@contextmanager
def running_class(classroom: Classroom) -> Iterator[str]:
    """Address of the server."""
    with running(Starlette(routes=routes(classroom), middleware=[gate(classroom)])) as address:
        yield address


@contextmanager
def running(app: Starlette) -> Iterator[str]:
    """Address of a server with this application."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + START_SECONDS
    while not server.started and time.monotonic() < end:
        time.sleep(0.05)
    assert server.started
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
