"""Secrets of the classroom: tokens of browsers, codes of rooms, and the teacher's PIN as its hash."""

import hashlib
import hmac
import secrets

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""What a code is made of: no 0, 1, I or O, which a class would mistake for each other."""

CODE = 6
"""Characters of a code: a thousand million of them."""

COST = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
"""Of scrypt: a twentieth of a second for each PIN that is tried."""


def new_token() -> str:
    """What a browser keeps in its cookie."""
    return secrets.token_urlsafe(32)


def new_code() -> str:
    """A code that students can type."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE))


def digest(token: str) -> str:
    """What the database keeps of a token; the token has enough randomness to need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def hash_pin(pin: str) -> str:
    """What the database keeps of a PIN."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${hashlib.scrypt(pin.encode(), salt=salt, **COST).hex()}"


def is_pin(pin: str, hashed: str) -> bool:
    """Whether this is the PIN, in a time that says nothing of how much of it is right."""
    salt, _, wanted = hashed.partition("$")
    found = hashlib.scrypt(pin.encode(), salt=bytes.fromhex(salt), **COST)
    return hmac.compare_digest(found, bytes.fromhex(wanted))
