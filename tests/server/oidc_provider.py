"""A small OpenID Connect provider on loopback: discovery, code flow with PKCE, ID tokens signed with RS256.

It believes nothing that a real one would check: client and secret, redirect address, the code once and its verifier.
Whoever is to log in is set by the test (`provider.person`), in place of a form with a password.
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "meddef", "s3cret-of-the-client"
LIFE = 3600


@dataclass
class Provider:
    """What it knows and what it was asked. `wrong_key` makes it sign with a key that it does not publish."""

    address: str
    redirect_uri: str
    person: dict[str, Any]
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signing: RSAKey | None = None
    issued: float = 0.0
    """Seconds that tokens are older than now."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    verified: int = 0
    """Codes whose PKCE verifier fitted."""

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorized(self, asked: dict[str, str]) -> str | None:
        """Where the browser is sent with a code; None for a request that is refused."""
        known = asked.get("client_id") == CLIENT and asked.get("redirect_uri") == self.redirect_uri
        if not known or asked.get("code_challenge_method") != "S256" or "openid" not in asked.get("scope", ""):
            return None
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return f"{self.redirect_uri}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, asked: dict[str, str], credentials: str) -> dict[str, Any] | None:
        """The answer of the token endpoint; None where it refuses."""
        began = self.codes.pop(asked.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if began is None or credentials != f"Basic {basic}" or asked.get("redirect_uri") != self.redirect_uri:
            return None
        if create_s256_code_challenge(asked.get("code_verifier", "")) != began["code_challenge"]:
            return None
        self.verified += 1
        now = int(time.time() - self.issued)
        claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + LIFE, "nonce": began.get("nonce")}
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims | self.person, self.signing or self.key)
        return {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": LIFE, "id_token": signed}


@contextmanager
def provider_for(redirect_uri: str) -> Iterator[Provider]:
    """A provider that sends browsers back to `redirect_uri`, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/.well-known/openid-configuration":
                self._json(provider.metadata())
            elif parts.path == "/jwks":
                self._json({"keys": [provider.key.as_dict(private=False)]})
            elif parts.path == "/authorize" and (to := provider.authorized(dict(parse_qsl(parts.query)))):
                self.send_response(302)
                self.send_header("Location", to)
                self.end_headers()
            else:
                self.send_error(400)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found = provider.token(dict(parse_qsl(body)), self.headers.get("Authorization", ""))
            self._json(found or {"error": "invalid_grant"}, status=200 if found else 400)

        def _json(self, document: dict[str, Any], status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: Any) -> None:
            """The test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(f"http://127.0.0.1:{server.server_port}", redirect_uri, person={})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
