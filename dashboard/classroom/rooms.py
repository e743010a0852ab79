"""Rooms and seats: open, join, lock, remove, expire."""

import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dashboard.classroom.access import check_tries, note_wrong
from dashboard.classroom.database import Database
from dashboard.classroom.errors import ClassroomError, NotAllowed, NotHere, TooLate, TooMany
from dashboard.classroom.tables import NICKNAME, Room, Seat
from dashboard.classroom.tokens import ALPHABET, CODE, digest, new_code, new_token
from dashboard.services.words import Text

MOST_STUDENTS = 60
MOST_ROOMS = 20
"""Rooms whose code still works, of all teachers together."""

SHOWN = ("joining", "lesson", "question", "challenge")
MOST_TIMER_SECONDS = 3600
CHANGEABLE = ("locked", "showing", "lesson", "step", "revealed", "question_id", "challenge_id", "timer_ends_at")


def open_room(database: Database, *, language: str, hours: float, days: float, now: float | None = None) -> Room:
    """A new room: its code works for `hours`, and its rows stay for `days`."""
    now = time.time() if now is None else now
    with database.writing() as session:
        codes = set(session.scalars(select(Room.code)))
        if (session.scalar(select(func.count()).where(Room.expires_at > now)) or 0) >= MOST_ROOMS:
            raise TooMany(Text("classroom.there-n", "There are {n} open rooms; delete one first.", n=MOST_ROOMS))
        code = next(code for code in iter(new_code, "") if code not in codes)
        expires = now + hours * 3600
        room = Room(code=code, language=language, created_at=now, expires_at=expires, deleted_at=expires + days * 86400)
        session.add(room)
        session.flush()
    return room


def list_rooms(database: Database) -> Sequence[Room]:
    """Every room that still has rows, the newest first."""
    with database.reading() as session:
        return session.scalars(select(Room).order_by(Room.created_at.desc(), Room.id.desc())).all()


def room_by_code(database: Database, code: str) -> Room:
    """The room of a code, be it expired or not; NotHere for none."""
    with database.reading() as session:
        return found_room(session, code)


def found_room(session: Session, code: str, *, lock: bool = False) -> Room:
    """The same within a session; with `lock` nobody else changes the room until the session ends."""
    chosen = select(Room).where(Room.code == normal_code(code))
    room = session.scalar(chosen.with_for_update() if lock else chosen)
    if room is None:
        raise NotHere(Text("classroom.there-no-room", "There is no room with this code; check it with your teacher."))
    return room


def normal_code(code: str) -> str:
    """A code as it was made, however it was typed."""
    return "".join(sign for sign in code.upper() if sign in ALPHABET)[: 2 * CODE]


def change_room(database: Database, code: str, **changes: object) -> Room:
    """Set what a teacher may set of a room (`CHANGEABLE`); ClassroomError for anything else."""
    if not set(changes) <= set(CHANGEABLE) or changes.get("showing", SHOWN[0]) not in SHOWN:
        raise ClassroomError(Text("classroom.room-no", "A room has no such setting."))
    with database.writing() as session:
        room = found_room(session, code, lock=True)
        for name, value in changes.items():
            setattr(room, name, value)
    return room


def delete_room(database: Database, code: str) -> None:
    """Delete a room and every row that belongs to it."""
    with database.writing() as session:
        session.execute(delete(Room).where(Room.code == normal_code(code)))


def expire(database: Database, *, now: float | None = None) -> int:
    """Delete the rooms whose time is over; how many they were."""
    with database.writing() as session:
        over = delete(Room).where(Room.deleted_at <= (time.time() if now is None else now)).returning(Room.id)
        return len(session.scalars(over).all())


# ---- seats -----------------------------------------------------------------------------------------------------------


def join(database: Database, code: str, *, nickname: str, who: str, now: float | None = None) -> tuple[str, Seat]:
    """A new seat and its token. Raises NotHere, NotAllowed in a locked room, TooMany in a full one.

    Wrong codes are counted by the address `who`.
    """
    now = time.time() if now is None else now
    check_tries(database, "code", who=who, now=now)
    token = new_token()
    try:
        with database.writing() as session:
            room = found_room(session, code, lock=True)  # one at a time, so that the count below stays true
            _check_open(room, now)
            here = session.scalar(select(func.count()).where(Seat.room_id == room.id, Seat.removed.is_(False))) or 0
            if here >= MOST_STUDENTS:
                raise TooMany(
                    Text("classroom.room-full", "This room is full: {n} students are in it.", n=MOST_STUDENTS)
                )
            seat = Seat(room_id=room.id, token_hash=digest(token), nickname=plain(nickname), joined_at=now)
            session.add(seat)
            session.flush()
    except NotHere:
        note_wrong(database, "code", who=who, now=now)
        raise
    return token, seat


def _check_open(room: Room, now: float) -> None:
    if room.expires_at <= now:
        raise TooLate(Text("classroom.code-expired", "This code has expired; ask your teacher for a new one."))
    if room.locked:
        raise NotAllowed(Text("classroom.room-locked", "This room is locked; ask your teacher to let you in."))


def plain(nickname: str) -> str | None:
    """A nickname without control and format characters, of `NICKNAME` characters at most; None where none is left."""
    kept = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in unicodedata.normalize("NFC", nickname))
    return " ".join(kept.split())[:NICKNAME].strip() or None


def seat_of(database: Database, token: str, *, now: float | None = None) -> tuple[Seat, Room]:
    """The seat of a browser's token and its room. Raises NotHere, NotAllowed where it was removed, or TooLate."""
    with database.reading() as session:
        return found_seat(session, token, now=time.time() if now is None else now)


def found_seat(session: Session, token: str, *, now: float) -> tuple[Seat, Room]:
    """The same within a session."""
    row = session.execute(
        select(Seat, Room).join(Room, Seat.room_id == Room.id).where(Seat.token_hash == digest(token))
    ).one_or_none()
    if row is None:
        raise NotHere(Text("classroom.room-closed", "This room is closed; join another with its code."))
    seat, room = row.tuple()
    if seat.removed:
        raise NotAllowed(Text("classroom.your-teacher", "Your teacher has removed you from this room."))
    if room.expires_at <= now:
        raise TooLate(Text("classroom.room-expired", "This room has expired; ask your teacher for a new code."))
    return seat, room


def seats(database: Database, room_id: int) -> Sequence[Seat]:
    """Who sits in a room, in the order they came."""
    with database.reading() as session:
        chosen = select(Seat).where(Seat.room_id == room_id, Seat.removed.is_(False)).order_by(Seat.id)
        return session.scalars(chosen).all()


def remove_seat(database: Database, code: str, seat_id: int) -> None:
    """Send one student out, without the nickname; the answers given stay. NotHere for a seat of another room."""
    with _changing_seat(database, code, seat_id) as seat:
        seat.removed, seat.nickname = True, None


def remove_name(database: Database, code: str, seat_id: int) -> None:
    """Take a nickname away; the student stays."""
    with _changing_seat(database, code, seat_id) as seat:
        seat.nickname = None


@contextmanager
def _changing_seat(database: Database, code: str, seat_id: int) -> Iterator[Seat]:
    with database.writing() as session:
        seat = session.get(Seat, seat_id, with_for_update=True)
        if seat is None or seat.room_id != found_room(session, code).id:
            raise NotHere(Text("classroom.there-no-such-student", "There is no such student in this room."))
        yield seat
