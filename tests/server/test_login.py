"""The login by OpenID Connect: a real provider on loopback, a browser's cookies, and what each role reaches."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from app_session import Session
from joserfc.jwk import RSAKey
from oidc_provider import CLIENT, SECRET, Provider, provider_for
from served import free_port, running_app

from meddef_core.io.audit_log import subject_number

PATIENCE = 300.0
"""Seconds that a busy machine may take for one answer."""

PREDICTION = "sample_synthetic-NORMAL"
COOKIE_SECRET = "0123456789abcdef0123456789abcdef"
PEOPLE = {
    "reader": {"sub": "u-1", "name": "Jane Doe", "realm_access": {"roles": ["staff"]}},
    "teacher": {"sub": "u-2", "name": "Tom Roe", "realm_access": {"roles": ["staff", "lecturers"]}},
    "administrator": {"sub": "u-3", "name": "Ann Poe", "realm_access": {"roles": ["it"]}},
    "stranger": {"sub": "u-4", "name": "Max Noe", "realm_access": {"roles": ["visitors"]}},
}
PAGES = {"attack-lab", "attention", "batch", "teach", "robustness", "about"}
"""By path; Diagnose, the page without a path, is not among them."""


@dataclass(frozen=True)
class Place:
    """The server with its provider and its audit log."""

    address: str
    provider: Provider
    log: Path

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, port = tmp_path_factory.mktemp("login"), free_port()
    address = f"http://127.0.0.1:{port}"
    with provider_for(f"{address}/oauth2callback") as provider:
        login = {
            "MEDDEF_LOGIN_ISSUER": provider.address,
            "MEDDEF_LOGIN_CLIENT": CLIENT,
            "MEDDEF_LOGIN_CLIENT_SECRET": SECRET,
            "MEDDEF_LOGIN_ADDRESS": address,
            "MEDDEF_LOGIN_COOKIE_SECRET": COOKIE_SECRET,
            "MEDDEF_LOGIN_CLAIM": "realm_access.roles",
            "MEDDEF_LOGIN_READERS": "staff",
            "MEDDEF_LOGIN_TEACHERS": "lecturers",
            "MEDDEF_LOGIN_ADMINISTRATORS": "it",
            "MEDDEF_AUDIT_LOG": str(folder / "audit.jsonl"),
        }
        with running_app(folder / "log.txt", port=port, **login):
            yield Place(address, provider, folder / "audit.jsonl")


def cookies_of(place: Place, person: str, *, older: float = 0.0) -> dict[str, str]:
    """What a browser holds after it went through the login as that person, `older` seconds ago."""
    place.provider.person, place.provider.issued = PEOPLE[person], older
    with httpx.Client(follow_redirects=True, timeout=PATIENCE) as browser:
        browser.get(f"{place.address}/_stcore/health")
        with session(place.address, dict(browser.cookies)) as visitor:
            link = visitor.press_for_link("login")
        browser.get(f"{place.address}{link}")
        return dict(browser.cookies)


@contextmanager
def session(address: str, cookies: dict[str, str]) -> Iterator[Session]:
    """A page that connects with these cookies, as the app's own page does."""
    line = "; ".join(f"{name}={value}" for name, value in cookies.items())
    opened = Session(address, cookie=line, xsrf=cookies["_streamlit_xsrf"])
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("person", ["reader", "teacher", "administrator"])
def test_a_role_opens_its_pages_and_is_named_by_number_alone(place: Place, person: str) -> None:
    before = len(place.lines())
    with session(place.address, cookies_of(place, person)) as visitor:
        site = {"site"} if person == "administrator" else set()
        assert set(visitor.pages) - {""} == PAGES | site and not visitor.screen.exceptions
        visitor.press(PREDICTION)
    said = place.lines()[before:]
    assert {line["who"] for line in said} == {subject_number(place.provider.address, PEOPLE[person]["sub"])}
    assert str(PEOPLE[person]["name"]) not in place.log.read_text() and '"u-' not in place.log.read_text()


def test_the_code_was_fetched_with_its_verifier(place: Place) -> None:
    before = place.provider.verified
    cookies_of(place, "reader")
    assert place.provider.verified == before + 1


@pytest.mark.parametrize("case", ["nobody", "stranger", "forged", "yesterday", "another key"])
def test_without_a_login_that_counts_there_is_no_page(place: Place, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if case == "another key":
        monkeypatch.setattr(place.provider, "signing", RSAKey.generate_key(2048, {"kid": "1"}))
    cookies = cookies_of(place, "stranger" if case == "stranger" else "reader", older=86400 * (case == "yesterday"))
    if case == "nobody":
        cookies = {"_streamlit_xsrf": cookies["_streamlit_xsrf"]}
    if case == "forged":
        cookies["_streamlit_user"] = cookies["_streamlit_user"].replace("a", "b", 1)
    before = len(place.lines())
    with session(place.address, cookies) as visitor:
        assert not set(visitor.pages) & (PAGES | {"site"})
        assert PREDICTION not in visitor.screen.widgets and not visitor.screen.exceptions
        assert {"login", "logout"} & set(visitor.screen.widgets)
    assert len(place.lines()) == before


def test_a_reader_who_asks_for_the_administrators_page_gets_another(place: Place) -> None:
    with session(place.address, cookies_of(place, "administrator")) as visitor:
        there = visitor.pages["site"]
    with session(place.address, cookies_of(place, "reader")) as visitor:
        visitor.go_to(there)
        assert "site_report" not in visitor.screen.widgets


def test_the_way_back_from_the_provider_is_of_this_server_alone(place: Place) -> None:
    port = urlsplit(place.address).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/oauth2callback?code=stolen&state=guessed")
    answer = connection.getresponse()
    assert answer.status == 302 and answer.headers["Location"] == "/"
    assert "_streamlit_user=" not in str(answer.headers.get_all("Set-Cookie")).replace('_streamlit_user="";', "")
    connection.close()
