"""Login by the hospital's own OpenID Connect provider, where the settings name one: what Streamlit needs for it.

Streamlit speaks the protocol (`st.login`): discovery, authorisation code with PKCE, a signed ID token. It keeps the
claims in a signed cookie of the browser; who may do what with them is decided in `dashboard/services/account.py`.
"""

from importlib.util import find_spec
from typing import Any

from dashboard.services.errors import MedDefError
from dashboard.services.settings import Settings

CALLBACK = "/oauth2callback"
"""Path at this server to which the provider sends browsers back; its client settings must allow it."""

DISCOVERY = "/.well-known/openid-configuration"
NEEDED = ("authlib", "httpx")
SCOPE = "openid profile"
"""`profile` is where providers put roles; nothing of it is kept but roles and the subject's number."""

PATIENCE = 30.0
"""Seconds to wait for the provider."""


def secrets_of(now: Settings) -> dict[str, Any] | None:
    """The section that `st.login` reads; None without a login. Raises MedDefError where its libraries are missing."""
    if now.login_issuer is None:
        return None
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise MedDefError(
            f"A login needs {' and '.join(missing)}, which this installation lacks; run `pip install 'meddef[login]'`."
        )
    if now.login_client_secret is None or now.login_cookie_secret is None or now.login_address is None:
        raise ValueError("settings() lets no login through that lacks one of these")
    section = {
        "redirect_uri": f"{now.login_address}{CALLBACK}",
        "cookie_secret": now.login_cookie_secret.get_secret_value(),
        "client_id": now.login_client,
        "client_secret": now.login_client_secret.get_secret_value(),
        "server_metadata_url": f"{now.login_issuer}{DISCOVERY}",
        "client_kwargs": {"scope": SCOPE, "prompt": "select_account", "timeout": PATIENCE},
    }
    return {"auth": section}
