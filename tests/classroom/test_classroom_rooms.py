"""Rooms and seats: codes, limits, locks, removal, expiry, PINs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused_as

from dashboard.classroom import access, rooms, tokens
from dashboard.classroom.database import Database
from dashboard.classroom.errors import ClassroomError, NotAllowed, NotHere, TooLate, TooMany
from dashboard.classroom.tables import NICKNAME, Pin, Room, Seat, Teacher

PIN = "135790"


@pytest.fixture
def room(database: Database) -> Room:
    return rooms.open_room(database, language="en", hours=4, days=7, now=0.0)


def test_a_code_is_typed_in_any_way(database: Database, room: Room) -> None:
    typed = f" {room.code[:3].lower()}-{room.code[3:]} "
    assert rooms.room_by_code(database, typed).id == room.id
    assert set(room.code) <= set(tokens.ALPHABET) and len(room.code) == tokens.CODE


def test_a_seat_is_known_by_its_token_alone_which_is_not_kept(database: Database, room: Room) -> None:
    token, seat = rooms.join(database, room.code, nickname="Ada", who="a", now=1.0)
    found, where = rooms.seat_of(database, token, now=2.0)
    assert (found.id, found.nickname, where.id) == (seat.id, "Ada", room.id)
    assert token not in (seat.token_hash, str(seat.id))
    with pytest.raises(NotHere):
        rooms.seat_of(database, seat.token_hash, now=2.0)


def test_no_more_than_sixty_sit_in_a_room_also_when_all_come_at_once(database: Database, room: Room) -> None:
    def come(number: int) -> bool:
        try:
            rooms.join(database, room.code, nickname=str(number), who="a", now=1.0)
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(come, range(rooms.MOST_STUDENTS + 7)))
    assert sum(came) == rooms.MOST_STUDENTS == len(rooms.seats(database, room.id))


def test_a_locked_room_lets_nobody_in_and_keeps_who_is_there(database: Database, room: Room) -> None:
    token, _ = rooms.join(database, room.code, nickname="", who="a", now=1.0)
    rooms.change_room(database, room.code, locked=True)
    with refused_as(NotAllowed, "classroom.room-locked"):
        rooms.join(database, room.code, nickname="", who="a", now=1.0)
    assert rooms.seat_of(database, token, now=2.0)[0].nickname is None


def test_a_removed_student_is_out_and_the_name_is_gone(database: Database, room: Room) -> None:
    token, seat = rooms.join(database, room.code, nickname="Ada", who="a", now=1.0)
    rooms.remove_seat(database, room.code, seat.id)
    with refused_as(NotAllowed, "classroom.your-teacher"):
        rooms.seat_of(database, token, now=2.0)
    with database.reading() as session:
        row = session.get(Seat, seat.id)
        assert row is not None and row.nickname is None


def test_a_name_can_be_removed_without_the_student(database: Database, room: Room) -> None:
    token, seat = rooms.join(database, room.code, nickname="Rude", who="a", now=1.0)
    rooms.remove_name(database, room.code, seat.id)
    assert rooms.seat_of(database, token, now=2.0)[0].nickname is None


def test_a_seat_of_another_room_is_not_removed(database: Database, room: Room) -> None:
    other = rooms.open_room(database, language="en", hours=4, days=7, now=0.0)
    token, seat = rooms.join(database, room.code, nickname="Ada", who="a", now=1.0)
    with pytest.raises(NotHere):
        rooms.remove_seat(database, other.code, seat.id)
    assert rooms.seat_of(database, token, now=2.0)[0].nickname == "Ada"


def test_codes_expire_and_then_the_rows_go(database: Database, room: Room) -> None:
    token, _ = rooms.join(database, room.code, nickname="", who="a", now=1.0)
    late = room.expires_at
    with pytest.raises(TooLate):
        rooms.join(database, room.code, nickname="", who="a", now=late)
    with pytest.raises(TooLate):
        rooms.seat_of(database, token, now=late)
    assert rooms.expire(database, now=room.deleted_at - 1) == 0
    assert rooms.expire(database, now=room.deleted_at) == 1
    assert rooms.list_rooms(database) == []


def test_only_settings_of_a_room_can_be_set(database: Database, room: Room) -> None:
    for change in ({"id": 7}, {"expires_at": 1e12}, {"showing": "everything"}):
        with pytest.raises(ClassroomError):
            rooms.change_room(database, room.code, **change)


def test_so_many_rooms_are_open_at_once(database: Database) -> None:
    for _ in range(rooms.MOST_ROOMS):
        rooms.open_room(database, language="en", hours=1, days=1, now=0.0)
    with pytest.raises(TooMany):
        rooms.open_room(database, language="en", hours=1, days=1, now=0.0)
    rooms.open_room(database, language="en", hours=1, days=1, now=3600.0)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80))
def test_a_nickname_is_one_short_line_without_control_characters(text: str) -> None:
    kept = rooms.plain(text)
    assert kept is None or (kept == rooms.plain(kept) and len(kept) <= NICKNAME and kept.isprintable())


# ---- the teacher -----------------------------------------------------------------------------------------------------


def test_the_pin_opens_and_is_kept_as_a_salted_hash(database: Database) -> None:
    assert not access.has_pin(database)
    access.set_pin(database, PIN)
    token = access.sign_in(database, PIN, who="a", now=0.0)
    assert access.is_teacher(database, token, now=1.0)
    with database.reading() as session:
        row, (teacher,) = session.get(Pin, 1), session.query(Teacher).all()
        assert row is not None and PIN not in row.hashed and token not in teacher.token_hash
    assert tokens.hash_pin(PIN) != tokens.hash_pin(PIN)


def test_a_student_is_no_teacher(database: Database, room: Room) -> None:
    token, seat = rooms.join(database, room.code, nickname="", who="a", now=1.0)
    assert not access.is_teacher(database, token) and not access.is_teacher(database, seat.token_hash)


def test_wrong_pins_are_limited_for_an_address_also_where_the_next_is_right(database: Database) -> None:
    access.set_pin(database, PIN)
    for _ in range(access.MOST_WRONG["pin"]):
        with pytest.raises(NotAllowed):
            access.sign_in(database, "000000", who="a", now=0.0)
    with pytest.raises(TooMany):
        access.sign_in(database, PIN, who="a", now=1.0)
    assert access.sign_in(database, PIN, who="b", now=1.0)
    assert access.sign_in(database, PIN, who="a", now=access.WINDOW_SECONDS + 1)


def test_wrong_pins_are_limited_from_all_addresses_together(database: Database) -> None:
    access.set_pin(database, PIN)
    for number in range(access.MOST_WRONG_OF_ALL["pin"]):
        access.note_wrong(database, "pin", who=str(number), now=0.0)
    with pytest.raises(TooMany):
        access.sign_in(database, PIN, who="new", now=1.0)


def test_wrong_codes_are_limited(database: Database, room: Room) -> None:
    for _ in range(access.MOST_WRONG["code"]):
        with pytest.raises(NotHere):
            rooms.join(database, "AAAAAA", nickname="", who="a", now=0.0)
    with pytest.raises(TooMany):
        rooms.join(database, room.code, nickname="", who="a", now=1.0)
    rooms.join(database, room.code, nickname="", who="b", now=1.0)


def test_a_token_ends_by_time_by_sign_out_and_with_its_pin(database: Database) -> None:
    access.set_pin(database, PIN)
    first, second, third = (access.sign_in(database, PIN, who="a", now=0.0) for _ in range(3))
    assert not access.is_teacher(database, first, now=access.SIGNED_IN_SECONDS)
    access.sign_out(database, second)
    assert not access.is_teacher(database, second, now=1.0) and access.is_teacher(database, third, now=1.0)
    access.set_pin(database, PIN)
    assert access.is_teacher(database, third, now=1.0)
    access.set_pin(database, "another PIN")
    assert not access.is_teacher(database, third, now=1.0)


def test_a_short_pin_is_refused(database: Database) -> None:
    with pytest.raises(ClassroomError, match="6 to 64"):
        access.set_pin(database, "12345")


def test_what_ran_out_is_deleted(database: Database) -> None:
    access.set_pin(database, PIN)
    token = access.sign_in(database, PIN, who="a", now=0.0)
    access.expire(database, now=access.SIGNED_IN_SECONDS)
    assert not access.is_teacher(database, token, now=0.0)
