"""Who is the teacher: a PIN that is asked for once, a token for each browser, and limits on guessing."""

import time

from sqlalchemy import delete, func, select

from dashboard.classroom.database import Database
from dashboard.classroom.errors import ClassroomError, NotAllowed, TooMany
from dashboard.classroom.tables import Pin, Teacher, Try
from dashboard.classroom.tokens import digest, hash_pin, is_pin, new_token
from dashboard.services.words import Text

SHORTEST_PIN = 6
LONGEST_PIN = 64

SIGNED_IN_SECONDS = 12 * 3600.0
"""How long a browser stays the teacher's: a day of classes."""

WINDOW_SECONDS = 600.0
MOST_WRONG = {"pin": 5, "code": 30}
"""Wrong PINs and codes from one address within the window."""

MOST_WRONG_OF_ALL = {"pin": 30, "code": 600}
"""The same from all addresses together: a million PINs take months."""


def set_pin(database: Database, pin: str) -> None:
    """Make this the teacher's PIN, and sign out whoever came in with another; ClassroomError for one too short."""
    if not SHORTEST_PIN <= len(pin) <= LONGEST_PIN:
        raise ClassroomError(
            Text(
                "classroom.pin-least",
                "A PIN has {least} to {most} characters; choose another.",
                least=SHORTEST_PIN,
                most=LONGEST_PIN,
            )
        )
    with database.writing() as session:
        row = session.get(Pin, 1, with_for_update=True)
        if row is None:
            session.add(Pin(id=1, hashed=hash_pin(pin)))
        elif not is_pin(pin, row.hashed):
            row.hashed = hash_pin(pin)
            session.execute(delete(Teacher))


def has_pin(database: Database) -> bool:
    """Whether a PIN was ever set."""
    with database.reading() as session:
        return session.get(Pin, 1) is not None


def sign_in(database: Database, pin: str, *, who: str, now: float | None = None) -> str:
    """The token of a browser that gives the PIN; NotAllowed for a wrong one, TooMany after several."""
    now = time.time() if now is None else now
    check_tries(database, "pin", who=who, now=now)
    with database.reading() as session:
        row = session.get(Pin, 1)
    if row is None or not is_pin(pin[:LONGEST_PIN], row.hashed):
        note_wrong(database, "pin", who=who, now=now)
        raise NotAllowed(Text("classroom.not-teachers", "This is not the teacher's PIN."))
    token = new_token()
    with database.writing() as session:
        session.add(Teacher(token_hash=digest(token), expires_at=now + SIGNED_IN_SECONDS))
    return token


def sign_out(database: Database, token: str) -> None:
    """Forget a teacher's browser."""
    with database.writing() as session:
        session.execute(delete(Teacher).where(Teacher.token_hash == digest(token)))


def is_teacher(database: Database, token: str, *, now: float | None = None) -> bool:
    """Whether a browser with this token gave the PIN, and not too long ago."""
    with database.reading() as session:
        row = session.get(Teacher, digest(token))
        return row is not None and row.expires_at > (time.time() if now is None else now)


def check_tries(database: Database, kind: str, *, who: str, now: float) -> None:
    """Raise TooMany where this address, or all together, gave too many wrong ones within the window."""
    recent = (Try.kind == kind, Try.at > now - WINDOW_SECONDS)
    with database.reading() as session:
        of_all = session.scalar(select(func.count()).where(*recent)) or 0
        own = session.scalar(select(func.count()).where(*recent, Try.who == digest(who))) or 0
    if own >= MOST_WRONG[kind] or of_all >= MOST_WRONG_OF_ALL[kind]:
        words = Text("classroom.pins", "PINs") if kind == "pin" else Text("classroom.codes", "codes")
        raise TooMany(
            Text(
                "classroom.too-many",
                "Too many wrong {what}; wait {minutes:.0f} minutes and try again.",
                what=words,
                minutes=WINDOW_SECONDS / 60,
            )
        )


def note_wrong(database: Database, kind: str, *, who: str, now: float) -> None:
    """Count a wrong PIN or code of an address, which is kept as its hash only."""
    with database.writing() as session:
        session.add(Try(kind=kind, who=digest(who), at=now))


def expire(database: Database, *, now: float | None = None) -> None:
    """Delete what has run out: teachers' tokens and counted tries."""
    now = time.time() if now is None else now
    with database.writing() as session:
        session.execute(delete(Teacher).where(Teacher.expires_at <= now))
        session.execute(delete(Try).where(Try.at <= now - WINDOW_SECONDS))
