"""Which role a claim gives, and that a server without a login changes nothing."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from refusals import refused_as
from streamlit.testing.v1 import AppTest

from dashboard.login import secrets_of
from dashboard.services import account
from meddef_core.errors import MedDefError
from meddef_core.settings import LOGIN, Settings, settings, variable

WHOLE = {
    "login_issuer": "https://login.example.org/realm",
    "login_client": "meddef",
    "login_client_secret": "of the client",
    "login_address": "https://meddef.example.org",
    "login_cookie_secret": "0123456789abcdef" * 2,
}
SOME = {"login_claim": "groups", "login_readers": "staff", "login_teachers": "t1,t2", "login_administrators": "it"}


def now(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in (WHOLE | values).items():
        monkeypatch.setenv(variable(name), value)
    return settings()


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"groups": ["staff"]}, "reader"),
        ({"groups": "staff"}, "reader"),
        ({"groups": ["staff", "t2"]}, "teacher"),
        ({"groups": ["t1", "it"]}, "administrator"),
        ({"groups": ["staff it"]}, None),
        ({"groups": ["Staff"]}, None),
        ({"groups": [["it"]]}, None),
        ({"groups": {"it": True}}, None),
        ({"groups": None}, None),
        ({"roles": ["it"]}, None),
        ({}, None),
    ],
)
def test_the_highest_role_that_a_claim_gives(
    monkeypatch: pytest.MonkeyPatch, claims: Mapping[str, Any], role: str | None
) -> None:
    assert account.role_of(claims, now(monkeypatch, **SOME)) == role


def test_a_claim_inside_another_and_one_with_a_dot_in_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = now(monkeypatch, **SOME | {"login_claim": "realm_access.roles"})
    assert account.role_of({"realm_access": {"roles": ["it"]}}, inside) == "administrator"
    assert account.role_of({"realm_access": ["it"], "roles": ["it"]}, inside) is None
    address = now(monkeypatch, **SOME | {"login_claim": "https://example.org/roles"})
    assert account.role_of({"https://example.org/roles": ["t1"]}, address) == "teacher"


def test_without_a_list_of_readers_every_login_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(variable("login_readers"), raising=False)
    assert account.role_of({}, now(monkeypatch, login_administrators="it")) == "reader"


def test_without_a_login_nothing_changes(start: Callable[[], AppTest]) -> None:
    app = start()
    assert account.role() == "administrator" and all(account.may(right) for right in ("read", "present", "site"))
    assert account.subject() is None and secrets_of(settings()) is None
    assert not [button for button in app.button if button.key in ("login", "logout")]
    assert not app.switch_page("dashboard/views/site/page.py").run().error


def test_with_a_login_nobody_may_anything_before_it(
    start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    now(monkeypatch, **SOME)
    app = start()
    assert not app.exception and [button.key for button in app.button] == ["login"]
    assert account.role() is None and not any(account.may(right) for right in ("read", "present", "site"))
    with refused_as(account.NotAllowedError, "login.needs-role"):
        account.require("site")


@pytest.mark.parametrize("lacking", LOGIN)
def test_half_a_login_stops_the_start(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    now(monkeypatch)
    monkeypatch.delenv(variable(lacking))
    with pytest.raises(MedDefError, match=variable(lacking)):
        settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("login_issuer", "http://login.example.org"),
        ("login_issuer", "login.example.org"),
        ("login_address", "https://user:pw@meddef.example.org"),
        ("login_cookie_secret", "short"),
        ("login_hours", "0"),
    ],
)
def test_a_value_that_cannot_work_is_one_sentence_and_no_secret_is_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(MedDefError, match=variable(name)) as caught:
        now(monkeypatch, **{name: value})
    assert "short" not in str(caught.value) and "user:pw" not in str(caught.value)


def test_the_provider_is_told_this_servers_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    found = secrets_of(now(monkeypatch, login_issuer="https://login.example.org/realm/"))
    assert found is not None and found["auth"]["redirect_uri"] == "https://meddef.example.org/oauth2callback"
    discovery = "https://login.example.org/realm/.well-known/openid-configuration"
    assert found["auth"]["server_metadata_url"] == discovery
