"""What one session, and all of them, may fill the running server with before any page takes it."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from app_session import Session
from served import running_app
from websockets.exceptions import InvalidStatus

MEGABYTE = 1024**2
LARGE = 15 * MEGABYTE
MOST_SESSIONS = 3
SOON = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "1"}
"""Seconds that a session is kept for a page that connects again."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with room for one large file a session, two in all, and three sessions."""
    log = tmp_path_factory.mktemp("admission") / "log.txt"
    limits = {"MEDDEF_SESSION_MB": "24", "MEDDEF_HELD_MB": "32", "MEDDEF_SESSIONS": str(MOST_SESSIONS), **SOON}
    with running_app(log, **limits) as (address, _):
        yield address


@contextmanager
def session(address: str) -> Iterator[Session]:
    opened = Session(address)
    try:
        yield opened
    finally:
        opened.close()
        time.sleep(0.5)  # until the server has heard of it


def ask(address: str, method: str, path: str, body: object = None, **headers: str) -> http.client.HTTPResponse:
    with ExitStack() as stack:
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=90)
        stack.callback(connection.close)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=names)  # type: ignore[arg-type]
        answer = connection.getresponse()
        answer.read()
        return answer


def send(address: str, session: Session, name: str, size: int, *, method: str = "PUT", chunked: bool = False) -> int:
    """Status of one upload, or of its removal, made as the app's own page makes it."""
    cookie = ask(address, "GET", "/_stcore/health").headers["Set-Cookie"].partition(";")[0]
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    body = head + bytes(size) + b"\r\n--b--\r\n"
    return ask(
        address,
        method,
        f"/_stcore/upload_file/{session.id}/{name}",
        iter([body]) if chunked else body,
        Content_Type="multipart/form-data; boundary=b",
        Cookie=cookie,
        X_Xsrftoken=cookie.partition("=")[2],
    ).status


def test_a_session_holds_so_many_bytes_of_files_and_no_more(address: str) -> None:
    with session(address) as one:
        assert send(address, one, "a", LARGE) == 204
        assert send(address, one, "b", LARGE) == 413
        assert send(address, one, "b", MEGABYTE) == 204
        assert send(address, one, "c", 1000, chunked=True) == 413  # says no size, so it counts as the largest
        assert send(address, one, "a", 0, method="DELETE") == 204
        assert send(address, one, "b", LARGE) == 204


def test_where_all_hold_too_much_an_upload_waits_and_then_arrives(address: str) -> None:
    with session(address) as one, session(address) as two, session(address) as three:
        assert send(address, one, "a", LARGE) == 204
        assert send(address, two, "a", LARGE) == 204
        arrived: list[int] = []
        waiting = threading.Thread(target=lambda: arrived.append(send(address, three, "a", LARGE)))
        waiting.start()
        time.sleep(1.5)
        assert not arrived
        assert ask(address, "GET", "/_stcore/health").status == 200
        assert send(address, one, "a", 0, method="DELETE") == 204
        waiting.join(10)
        assert arrived == [204]


def test_further_pages_connect_when_another_has_left(address: str) -> None:
    with session(address), session(address), ExitStack() as stack:
        third = stack.enter_context(session(address))
        with pytest.raises(InvalidStatus):
            Session(address)
        third.close()
        time.sleep(0.5)
        with session(address) as next_one:
            assert not next_one.screen.exceptions


def test_the_end_of_a_session_frees_its_files(address: str, tmp_path: Path) -> None:
    """Nobody else has to come or go for it: the second upload waits some seconds, and then there is room."""
    log = tmp_path / "log.txt"
    with running_app(log, MEDDEF_HELD_MB="20", **SOON) as (short, _):
        with session(short) as one:
            assert send(short, one, "a", LARGE) == 204
        with session(short) as two:
            assert send(short, two, "a", LARGE) == 204
