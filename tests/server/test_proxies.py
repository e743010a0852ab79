"""The proxy examples of deploy/, each run in front of two real servers, over TLS."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from app_session import Session
from served import ROOT, free_port, running_app
from websockets.exceptions import InvalidStatus

NAME = "meddef.example.org"
MEGABYTE = 1024**2
HUNG_UP = 0
"""In place of a status: the connection was closed before the whole body was sent, so that the answer was not read."""

NGINX = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/meddef.conf;
}}
"""


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """One that runs: where it listens, its certificate, and where it would write bodies."""

    port: int
    certificate: Path
    folder: Path

    @property
    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def ask(
        self, path: str, method: str = "GET", *, body: bytes = b"", host: str = NAME, **headers: str
    ) -> http.client.HTTPResponse:
        """An answer, read whole."""
        with ExitStack() as stack:
            connection = http.client.HTTPSConnection(NAME, self.port, context=self.trusted, timeout=30)
            connection.sock = self.trusted.wrap_socket(
                socket.create_connection(("127.0.0.1", self.port), 30), server_hostname=NAME
            )
            stack.callback(connection.close)
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body or None, headers={"Host": host, **names})
            answer = connection.getresponse()
            answer.read()
            return answer

    def session(self, cookie: str = "", *, origin: str | None = None) -> Session:
        """An open session, under TLS 1.2.

        Under 1.3 the server sends tickets once the handshake is done. The client's reader takes those in while it
        writes the request on the same connection, and one request in 500 was lost.
        """
        trusted = self.trusted
        trusted.maximum_version = ssl.TLSVersion.TLSv1_2
        to = ("127.0.0.1", self.port)
        return Session(f"https://{NAME}", via=to, origin=origin, cookie=cookie, secure=trusted)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of one day for the name, and its key."""
    whole, key = folder / "fullchain.pem", folder / "privkey.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "1", "-subj", f"/CN={NAME}"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-addext", f"subjectAltName=DNS:{NAME}"),
            *("-keyout", str(key), "-out", str(whole)),
        ],
        check=True,
        capture_output=True,
    )
    return whole, key


def put(text: str, old: str, new: str) -> str:
    """The file as shipped, but for a value of this machine."""
    assert old in text
    return text.replace(old, new)


@contextmanager
def nginx(folder: Path, servers: list[str]) -> Iterator[Proxy]:
    whole, key = certificate(folder)
    port = free_port()
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    text = put(text, "listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    text = put(text, "listen 80;", f"listen 127.0.0.1:{free_port()};")
    text = put(text, "/etc/ssl/meddef/fullchain.pem", str(whole))
    text = put(text, "/etc/ssl/meddef/privkey.pem", str(key))
    text = put(text, "server 127.0.0.1:8501;", " ".join(f"server {server};" for server in servers))
    (folder / "meddef.conf").write_text(text)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
    command = [program("nginx"), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with running([*command, "-g", "daemon off;"], folder, port):
        yield Proxy(port=port, certificate=whole, folder=folder)


@contextmanager
def caddy(folder: Path, servers: list[str]) -> Iterator[Proxy]:
    whole, key = certificate(folder)
    port = free_port()
    text = (ROOT / "deploy" / "Caddyfile").read_text()
    text = put(text, f"{NAME} {{", f"{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {whole} {key}")
    text = put(text, "reverse_proxy 127.0.0.1:8501", f"reverse_proxy {' '.join(servers)}")
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    (folder / "Caddyfile").write_text(options + text)
    with running([program("caddy"), "run", "--config", str(folder / "Caddyfile")], folder, port):
        yield Proxy(port=port, certificate=whole, folder=folder)


def program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        pytest.skip(f"needs {name}: apt-get install {name}")
    return path


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    with (folder / "out.txt").open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env={"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        )
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if process.poll() is not None or probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            assert process.poll() is None, (folder / "out.txt").read_text()
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Two servers of the app."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("servers")
        logs = [folder / "one.txt", folder / "two.txt"]
        apps = [stack.enter_context(running_app(log, MEDDEF_HOSTS=NAME)) for log in logs]
        yield [address.removeprefix("http://") for address, _ in apps]


@pytest.fixture(scope="module", params=[nginx, caddy])
def proxy(
    request: pytest.FixtureRequest, servers: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    start: Callable[[Path, list[str]], Iterator[Proxy]] = request.param
    with start(tmp_path_factory.mktemp("proxy"), servers) as running_one:
        yield running_one


def cookies_of(answer: http.client.HTTPResponse) -> dict[str, str]:
    pairs = (value.partition(";")[0].partition("=") for value in answer.headers.get_all("Set-Cookie") or ())
    return {name: value for name, _, value in pairs}


def upload(proxy: Proxy, session: Session, cookie: str, size: int, number: int = 0) -> int:
    """Status of an upload of so many bytes, made as the app's own page makes it."""
    token = cookies_of(proxy.ask("/_stcore/health", Cookie=cookie))["_streamlit_xsrf"]
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + bytes(size) + b"\r\n--b--\r\n"
    try:
        return proxy.ask(
            f"/_stcore/upload_file/{session.id}/{number}",
            "PUT",
            body=body,
            Content_Type="multipart/form-data; boundary=b",
            Cookie=f"{cookie}; _streamlit_xsrf={token}",
            X_Xsrftoken=token,
            Origin=f"https://{NAME}",
        ).status
    except (ssl.SSLError, ConnectionError):
        return HUNG_UP


def node(proxy: Proxy) -> str:
    """The cookie that a newcomer is given."""
    given = cookies_of(proxy.ask("/"))
    return f"meddef_node={given['meddef_node']}"


def test_a_page_opens_and_every_upload_reaches_its_own_server(proxy: Proxy) -> None:
    """Without sticky sessions half of these uploads would meet a server that does not know the session."""
    sent = 0
    for _ in range(4):
        cookie = node(proxy)
        session = proxy.session(cookie)
        assert not session.screen.exceptions and session.screen.texts
        for number in range(4):
            assert upload(proxy, session, cookie, 1000, number) == 204
            sent += 1
        session.close()
    assert sent == 16


def test_newcomers_are_shared_between_the_servers(proxy: Proxy, servers: list[str]) -> None:
    cookies = [node(proxy) for _ in range(12)]
    sessions = [proxy.session(cookie) for cookie in cookies[:6]]
    # A session is known to its own server only: a cookie of the other server meets a refusal.
    met = {upload(proxy, sessions[0], cookie, 10) for cookie in cookies}
    for session in sessions:
        session.close()
    assert met == {204, 400}


def test_large_files_pass_and_larger_ones_are_refused(proxy: Proxy) -> None:
    cookie = node(proxy)
    session = proxy.session(cookie)
    assert upload(proxy, session, cookie, 19 * MEGABYTE) == 204
    assert upload(proxy, session, cookie, 30 * MEGABYTE) in (413, HUNG_UP)
    session.close()
    assert [path for path in proxy.folder.rglob("*") if path.is_file() and path.stat().st_size > MEGABYTE] == []


def test_a_page_of_another_origin_does_not_connect(proxy: Proxy) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        proxy.session(origin="https://evil.example")
    assert proxy.ask("/_stcore/host-config", Origin="https://evil.example").status == 403


def test_metrics_stay_inside_and_answers_carry_the_headers(proxy: Proxy) -> None:
    assert proxy.ask("/_stcore/metrics").status == 404
    headers = proxy.ask("/").headers
    assert headers["X-Content-Type-Options"] == "nosniff" and "frame-ancestors" in headers["Content-Security-Policy"]
    assert re.fullmatch(r"max-age=\d{8,}", headers["Strict-Transport-Security"])
