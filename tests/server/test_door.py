"""Whom the running server answers, and that it asks nobody for it."""

import http.client
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from app_session import Session
from served import running_app
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

HOSTS = "meddef.example, *.clinic.example"
ORIGIN = "https://portal.example"
ENDPOINTS = ("/", "/_stcore/host-config", "/_stcore/health", "/media/none", "/_stcore/upload_file/a/b", "/auth/login")
REMOTE = re.compile(r'connect\(.*sin6?_addr="?(?:inet_addr\("|inet_pton\(AF_INET6, ")?(?!127\.|::1)')
"""A line of strace that names another machine."""


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address of a server, and the file that strace, where there is one, lists its connections in."""
    folder = tmp_path_factory.mktemp("door")
    calls = folder / "calls.txt"
    calls.touch()
    under = (
        ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect", "-o", str(calls)]
        if shutil.which("strace")
        else []
    )
    with running_app(folder / "log.txt", under=under, MEDDEF_HOSTS=HOSTS, MEDDEF_ORIGINS=ORIGIN) as (address, _):
        yield address, calls


def status(address: str, path: str = "/_stcore/host-config", method: str = "GET", **headers: str) -> int:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    with ExitStack() as stack:
        stack.callback(connection.close)
        connection.request(method, path, headers={name.title(): value for name, value in headers.items()})
        return connection.getresponse().status


def connects(address: str, *, host: str, origin: str | None) -> bool:
    """Whether the server takes a WebSocket connection of a page."""
    name, port = address.removeprefix("http://").split(":")
    try:
        connect(f"ws://{host}/_stcore/stream", origin=origin, address=(name, int(port))).close()  # type: ignore[arg-type]
    except InvalidStatus as refused:
        assert refused.response.status_code == 403
        return False
    return True


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("localhost", True),
        ("127.0.0.1:1", True),
        ("[::1]:8501", True),
        ("meddef.example", True),
        ("MEDDEF.example.:443", True),
        ("a.clinic.example", True),
        ("clinic.example", False),
        ("evilclinic.example", False),
        ("meddef.example.evil", False),
        ("evil@meddef.example", False),
        ("meddef.example:port", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_only_the_names_that_are_set_are_answered(traced: tuple[str, Path], host: str, answered: bool) -> None:
    assert status(traced[0], host=host) == (200 if answered else 421)


@pytest.mark.parametrize(
    ("origin", "host", "taken"),
    [
        (None, "meddef.example", True),
        ("https://meddef.example", "meddef.example", True),
        ("https://meddef.example", "meddef.example:443", True),
        ("https://meddef.example:443", "meddef.example", True),
        ("http://meddef.example", "meddef.example:443", False),
        ("https://meddef.example:8443", "meddef.example", False),
        ("http://localhost:9000", "localhost:8501", False),
        (ORIGIN, "localhost", True),
        (f"{ORIGIN}:444", "localhost", False),
        ("http://portal.example", "localhost", False),
        ("https://evil.example", "localhost", False),
        ("https://evil.example", "evil.example", False),
        ("null", "localhost", False),
        ("file://", "localhost", False),
        ("https://[::1", "localhost", False),
    ],
)
def test_only_pages_of_its_own_and_allowed_origins_connect(
    traced: tuple[str, Path], origin: str | None, host: str, taken: bool
) -> None:
    assert connects(traced[0], host=host, origin=origin) == taken


def test_metrics_are_closed_until_they_are_asked_for(traced: tuple[str, Path], tmp_path: Path) -> None:
    assert status(traced[0], "/_stcore/metrics") == 404
    with running_app(tmp_path / "log.txt", MEDDEF_METRICS="true") as (address, _):
        assert status(address, "/_stcore/metrics") == 200


def test_nobody_is_asked_for_a_foreign_origin(traced: tuple[str, Path]) -> None:
    """Streamlit by itself would look up the public address of this machine for the first of these requests."""
    address, calls = traced
    for origin in ("https://evil.example", "null", ORIGIN):
        for path in ENDPOINTS:
            for method in ("GET", "PUT", "OPTIONS"):
                status(address, path, method, origin=origin)
        connects(address, host="localhost", origin=origin)
    session = Session(address)
    assert not session.screen.exceptions
    session.close()
    assert [line for line in calls.read_text().splitlines() if REMOTE.search(line)] == []


def test_an_address_of_the_network_is_not_looked_up_at_the_start(tmp_path: Path) -> None:
    """As in a container: the server listens everywhere. tests/conftest.py fails where it asks another machine."""
    with running_app(tmp_path / "log.txt", STREAMLIT_SERVER_ADDRESS="0.0.0.0") as (address, _):
        assert status(address, "/_stcore/health", host="10.0.0.7:8501") == 200
        assert status(address, host="10.0.0.7:8501") == 421


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")
def test_strace_would_have_seen_it(tmp_path: Path) -> None:
    """The pattern above finds a connection to another machine, and the hook of tests/conftest.py hears of it too."""
    script = "import socket\ns = socket.socket(type=socket.SOCK_DGRAM)\ns.connect(('192.0.2.1', 9))"
    log = tmp_path / "heard.txt"
    subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=connect", "-o", str(tmp_path / "calls.txt"), sys.executable, "-c", script],
        env={**os.environ, "TRACED_CONNECTIONS": str(log)},
        check=False,
    )
    assert REMOTE.search((tmp_path / "calls.txt").read_text())
    assert "socket.connect 192.0.2.1" in log.read_text()
