"""The key of a presenter's windows, which are outside Streamlit's session and so know nothing of its login.

A server without a login needs none. With one, the page that may open them signs how long they work.
"""

import hmac
import time
from hashlib import sha256

from meddef_core.errors import MedDefError
from meddef_core.settings import settings
from meddef_core.text import Text

SECONDS = 12 * 3600
NOT_OPEN = Text("classroom.window-not", "This window is not open to you, or for too long; open it from the page Teach.")


class PresenterKeyError(MedDefError):
    """A window without a key that holds."""


def make(*, now: float | None = None) -> str | None:
    """A key for the next hours; None on a server without a login. Ask `account.may("present")` first."""
    secret = _secret()
    until = f"{int((time.time() if now is None else now) + SECONDS):x}"
    return None if secret is None else f"{until}.{_signed(until, secret)}"


def check(key: str, *, now: float | None = None) -> None:
    """Raise PresenterKeyError where the server has a login and the key does not hold."""
    secret = _secret()
    if secret is None:
        return
    until, _, signature = key.partition(".")
    # As bytes: compare_digest takes no other text than ASCII.
    if not hmac.compare_digest(_signed(until, secret).encode(), signature.encode(errors="replace")):
        raise PresenterKeyError(NOT_OPEN)
    if int(until, 16) < (time.time() if now is None else now):
        raise PresenterKeyError(NOT_OPEN)


def _secret() -> bytes | None:
    now = settings()
    if now.login_issuer is None or now.login_cookie_secret is None:
        return None
    return now.login_cookie_secret.get_secret_value().encode()


def _signed(until: str, secret: bytes) -> str:
    return hmac.new(secret, b"presenter " + until.encode(errors="replace"), sha256).hexdigest()
