"""Who has logged in, and what that role may do; without a login everybody may do everything, as on one's own machine.

A role comes from a claim of the ID token, by the settings. The claims are read from the session's own connection, so a
browser that was logged out, or in for too long, has no role from its next connection on.
"""

import time
from collections.abc import Mapping
from typing import Any, Literal, get_args

import streamlit as st

from meddef_core.errors import MedDefError
from meddef_core.io.audit_log import subject_number
from meddef_core.settings import Settings, settings
from meddef_core.text import Text

Role = Literal["reader", "teacher", "administrator"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may."""

ROLE_WORDS: dict[Role, str] = {
    "reader": Text("login.reader", "reader"),
    "teacher": Text("login.teacher", "teacher"),
    "administrator": Text("login.administrator", "administrator"),
}

Right = Literal["read", "present", "site"]
"""Predict, attack and learn; the projector page with the teacher's notes; the report and profile of the hospital."""

_LEAST: dict[Right, Role] = {"read": "reader", "present": "teacher", "site": "administrator"}

HOUR = 3600.0


class NotAllowedError(MedDefError):
    """The visitor's role does not reach so far."""


def needed() -> bool:
    """Whether this server asks for a login."""
    return settings().login_issuer is not None


def logged_in() -> bool:
    """Whether the visitor has logged in, not too long ago; what the role may do is another question."""
    return _claims(settings()) is not None


def role() -> Role | None:
    """The visitor's role; None before the login, and for one whom the settings give no role."""
    now = settings()
    if now.login_issuer is None:
        return "administrator"
    claims = _claims(now)
    return None if claims is None else role_of(claims, now)


def may(right: Right) -> bool:
    """Whether the visitor may do it."""
    found = role()
    return found is not None and ROLES.index(found) >= ROLES.index(_LEAST[right])


def require(right: Right) -> None:
    """Raise NotAllowedError where the visitor may not."""
    if not may(right):
        raise NotAllowedError(
            Text(
                "login.needs-role",
                "This needs the role {role}; ask whoever runs this server.",
                role=ROLE_WORDS[_LEAST[right]],
            )
        )


def subject() -> str | None:
    """The visitor as the audit log names a person; None without a login."""
    claims = _claims(settings())
    return None if claims is None else subject_number(str(claims.get("iss")), str(claims.get("sub")))


def role_of(claims: Mapping[str, Any], now: Settings) -> Role | None:
    """The highest role that the claim's values give. Without a list of readers everybody who has logged in is one."""
    values = set(_values(claims, now.login_claim))
    if values & set(now.login_administrators):
        return "administrator"
    if values & set(now.login_teachers):
        return "teacher"
    return "reader" if not now.login_readers or values & set(now.login_readers) else None


def _values(claims: Mapping[str, Any], path: str) -> list[str]:
    """The strings of a claim, one or a list; a path with dots leads into a claim of claims, as Keycloak has them."""
    found: Any = claims if path not in claims else {path: claims[path]}
    for name in [path] if path in claims else path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    given = found if isinstance(found, list | tuple) else [found]
    return [each for each in given if isinstance(each, str)]


def _claims(now: Settings) -> Mapping[str, Any] | None:
    """The claims of a login that still counts; None without a login, before it, and when its hours are over."""
    if now.login_issuer is None or not st.user.get("is_logged_in"):
        return None
    claims = st.user.to_dict()
    issued = claims.get("iat")
    fresh = isinstance(issued, int | float) and time.time() - issued < now.login_hours * HOUR
    return claims if fresh and claims.get("sub") else None
