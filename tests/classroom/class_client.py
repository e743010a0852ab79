"""One browser of a class, as far as its messages are concerned: it keeps cookies and speaks JSON."""

import http.client
import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Browser:
    """`address` is that of the server; `cookies` are sent along and renewed."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, path: str, message: object = None, *, method: str | None = None, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and JSON, or text, of an answer; a message is sent as POST."""
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=300)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if message is not None:
            body, method = json.dumps(message).encode(), method or "POST"
            sent.setdefault("Content-Type", "application/json")
        with closing(connection):
            connection.request(method or "GET", path, body=body, headers=sent)
            answer = connection.getresponse()
            data = answer.read()
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        if "json" in (answer.headers.get("Content-Type") or ""):
            return answer.status, json.loads(data)
        return answer.status, data

    def get(self, path: str) -> Any:
        """The JSON of an answer that must be a good one."""
        status, found = self.ask(path)
        assert status == 200, found
        return found

    def post(self, path: str, message: object) -> Any:
        """The same for a message."""
        status, found = self.ask(path, message)
        assert status == 200, found
        return found


def teacher_of(address: str, pin: str) -> Browser:
    """A browser that has given the PIN."""
    browser = Browser(address)
    browser.post("/class/api/sign_in", {"pin": pin})
    return browser


def student_of(address: str, code: str, nickname: str = "") -> Browser:
    """A browser that has joined."""
    browser = Browser(address)
    browser.post("/class/api/join", {"code": code, "nickname": nickname})
    return browser
