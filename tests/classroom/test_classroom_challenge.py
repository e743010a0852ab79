"""The challenge: limits, the line, what is measured, the leaderboard, and what stays hidden until it is revealed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from refusals import refused_as

from dashboard.classroom import challenge, room_state, rooms, trials
from dashboard.classroom.challenge import Job
from dashboard.classroom.database import Database, default_url
from dashboard.classroom.errors import ClassroomError, TooLate, TooMany
from dashboard.classroom.tables import Challenge, Room

PGD = {"attack": "pgd", "eps": 8, "steps": 10}
JPEG = {"filter": "jpeg", "strength": 50}


@pytest.fixture
def room(database: Database) -> Room:
    return rooms.open_room(database, language="en", hours=4, days=7)


def begun(database: Database, room: Room, kind: str = "smallest") -> Challenge:
    return challenge.start(database, room.code, kind=kind, task="oct", sample="synthetic-CNV")


def student(database: Database, room: Room, name: str = "") -> str:
    return rooms.join(database, room.code, nickname=name, who="a")[0]


def finish(database: Database, found: dict[str, object] | None, *, now: float | None = None) -> Job:
    job = challenge.take(database, now=now)
    assert job is not None
    challenge.finish(database, job, found)
    return job


@pytest.mark.parametrize(
    "chosen",
    [
        {"attack": "pgd", "eps": 9, "steps": 10},
        {"attack": "pgd", "eps": 8, "steps": 1000},
        {"attack": "cw", "eps": 8, "steps": 10},
        {"attack": "pgd", "eps": True, "steps": 10},
        {"attack": "pgd", "eps": "8", "steps": 10},
        {"eps": 8},
        JPEG,
    ],
)
def test_a_choice_beyond_the_limits_is_refused(chosen: dict[str, object]) -> None:
    with refused_as(ClassroomError, "classroom.choice-not"):
        challenge.within("smallest", chosen)


def test_nothing_but_the_choice_is_kept() -> None:
    assert challenge.within("smallest", {**PGD, "model": "oct/other", "file": "x"}) == PGD
    assert challenge.within("smallest", {"attack": "fgsm", "eps": 0.5, "steps": 77})["steps"] == 1
    assert challenge.within("filter", {**JPEG, "eps": 3}) == JPEG
    with pytest.raises(ClassroomError):
        challenge.within("filter", {"filter": "jpeg", "strength": 51})


def test_the_line_is_served_in_order_and_one_try_a_student_waits(database: Database, room: Room) -> None:
    given, tokens = begun(database, room), [student(database, room) for _ in range(3)]
    ids = [challenge.attempt(database, token, given.id, PGD).id for token in tokens]
    with pytest.raises(TooMany):
        challenge.attempt(database, tokens[0], given.id, PGD)
    assert [challenge.queued(database, before=each) for each in ids] == [0, 1, 2]
    taken = [challenge.take(database) for _ in range(4)]
    assert [job and job.attempt for job in taken] == [*ids, None]
    assert taken[0] is not None and (taken[0].model, dict(taken[0].chosen)) == ("oct/meddef", PGD)


def test_no_try_is_computed_twice_by_processes_that_look_at_once(database: Database, room: Room) -> None:
    given = begun(database, room)
    for _ in range(12):
        challenge.attempt(database, student(database, room), given.id, PGD)
    with ThreadPoolExecutor(6) as pool:
        taken = [job for job in pool.map(lambda _: challenge.take(database), range(12)) if job is not None]
    while (job := challenge.take(database)) is not None:  # a look beside another may have found the row taken
        taken.append(job)
    assert len({job.attempt for job in taken}) == len(taken) == 12


def test_a_try_whose_process_died_is_taken_again(database: Database, room: Room) -> None:
    challenge.attempt(database, student(database, room), begun(database, room).id, PGD, now=None)
    first = challenge.take(database, now=1000.0)
    assert challenge.take(database, now=1000.0 + challenge.STALE_SECONDS) is None
    again = challenge.take(database, now=1001.0 + challenge.STALE_SECONDS)
    assert first is not None and again is not None and again.attempt == first.attempt


def test_the_leaderboard_has_each_students_best_measured_value(database: Database, room: Room) -> None:
    given, (ada, bob, eve) = begun(database, room), (student(database, room, name) for name in ("Ada", "Bob", "Eve"))
    measured = [
        (ada, {"changed": True, "change": 0.05}),
        (bob, {"changed": True, "change": 0.03}),
        (ada, {"changed": True, "change": 0.02}),
        (ada, {"changed": True, "change": 0.04}),
        (eve, {"changed": False, "change": 0.001}),
        (bob, None),
    ]
    for token, found in measured:
        challenge.attempt(database, token, given.id, PGD)
        finish(database, found)
    assert [(leader.nickname, leader.score) for leader in challenge.leaders(database, given)] == [
        ("Ada", 0.02),
        ("Bob", 0.03),
    ]
    rooms.remove_seat(database, room.code, challenge.leaders(database, given)[0].seat)
    assert [leader.nickname for leader in challenge.leaders(database, given)] == ["Bob"]


def test_the_adaptive_attack_is_hidden_until_it_is_revealed(database: Database, room: Room) -> None:
    given, token = begun(database, room, "filter"), student(database, room, "Ada")
    challenge.attempt(database, token, given.id, JPEG)
    finish(database, {"keeps": True, "stopped": True, "change": 0.01, "adaptive": True})
    (tried,) = room_state.for_student(database, token)["challenge"]["mine"]
    assert "adaptive" not in tried["found"] and tried["found"]["measured"] == "2.55/255"
    (leader,) = room_state.for_projector(database, room.code)["contest"]["leaders"]
    assert leader["adaptive"] is None and leader["nickname"] == "Ada"
    challenge.end(database, room.code, reveal=True)
    (tried,) = room_state.for_student(database, token)["challenge"]["mine"]
    assert tried["found"]["adaptive"] is True
    with pytest.raises(TooLate):
        challenge.attempt(database, token, given.id, JPEG)


def test_a_defence_that_spoils_the_clean_scan_does_not_count(database: Database, room: Room) -> None:
    given, token = begun(database, room, "filter"), student(database, room)
    challenge.attempt(database, token, given.id, JPEG)
    finish(database, {"keeps": False, "stopped": True, "change": 0.001})
    assert challenge.leaders(database, given) == []


# ---- what a try measures, on the shipped models ----------------------------------------------------------------------


def test_tries_are_measured_on_the_scan_that_came_out(tmp_path: object) -> None:
    small = trials.measured("smallest", "oct/meddef", "synthetic-CNV", tuple({**PGD, "eps": 0.5, "steps": 1}.items()))
    assert 0 < small["change"] <= 0.5 / 255 + 1e-6
    large = trials.measured("smallest", "oct/undefended", "synthetic-CNV", tuple(PGD.items()))
    assert large["changed"] and small["change"] < large["change"] <= 8 / 255 + 1e-6


def test_a_stronger_filter_changes_the_scan_more() -> None:
    found = [
        trials.measured("filter", "oct/undefended", "synthetic-CNV", (("filter", "jpeg"), ("strength", strength)))
        for strength in (95, 10)
    ]
    assert 0 < found[0]["change"] < found[1]["change"]
    assert all(("adaptive" in each) == (each["keeps"] and each["stopped"]) for each in found)


def test_a_thread_takes_computes_and_keeps_a_try(tmp_path: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    database = Database(default_url(tmp_path_factory.mktemp("trial")))
    room = rooms.open_room(database, language="en", hours=1, days=1)
    given = begun(database, room)
    token = student(database, room)
    challenge.attempt(database, token, given.id, {"attack": "fgsm", "eps": 0.5})
    assert trials.once(database) and not trials.once(database)
    (tried,) = challenge.attempts(database, given.id)
    assert tried.state == challenge.DONE and tried.found is not None and tried.found["change"] <= 0.5 / 255 + 1e-6
    database.close()
