"""The challenge: students' tries wait in the database, whichever process has time takes the oldest, and measures it.

A process that dies leaves its try behind; another takes it after `STALE_SECONDS`. Only measured values are ranked.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from dashboard.classroom.database import Database
from dashboard.classroom.errors import ClassroomError, NotHere, TooLate, TooMany
from dashboard.classroom.rooms import found_room, found_seat
from dashboard.classroom.tables import Attempt, Challenge, Seat
from dashboard.services.words import Text

KINDS = ("smallest", "filter")
"""The smallest epsilon that changes MedDef's prediction; the mildest preprocessing that stops a fixed attack."""

MODELS = {"smallest": "meddef", "filter": "undefended"}
"""Whose prediction is attacked; a fixed attack must change it before a filter can stop it."""

EPS = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)
"""In 1/255."""

STEPS = (1, 3, 5, 10)
FILTERS: Mapping[str, tuple[int, ...]] = {
    "jpeg": (95, 90, 80, 70, 60, 50, 40, 30, 20, 10),
    "bits": (7, 6, 5, 4, 3, 2, 1),
    "median": (3, 5, 7),
}
FILTER_TITLES = {"jpeg": "JPEG {strength}", "bits": "{strength} bit", "median": "median {strength}"}

MOST_TRIES = 40
"""Of one student in one challenge."""

STALE_SECONDS = 60.0
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One try that a process has taken."""

    attempt: int
    kind: str
    model: str
    sample: str
    chosen: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Leader:
    """A student's best try. `score` is smaller for a better one."""

    seat: int
    nickname: str | None
    score: float
    chosen: str
    adaptive: bool | None
    """Whether the adaptive attack breaks it; None where there is none."""


# ---- the teacher -----------------------------------------------------------------------------------------------------


def start(database: Database, code: str, *, kind: str, task: str, sample: str, now: float | None = None) -> Challenge:
    """Begin a challenge in a room, and end the one before it."""
    if kind not in KINDS:
        raise ClassroomError(Text("classroom.there-no", "There is no such challenge; choose one of those shown."))
    now = time.time() if now is None else now
    with database.writing() as session:
        room = found_room(session, code, lock=True)
        _end_open(session, room.id, now)
        model = f"{task}/{MODELS[kind]}"
        begun = Challenge(room_id=room.id, kind=kind, model=model, sample=sample, asked_at=now)
        session.add(begun)
        session.flush()
        room.challenge_id, room.showing = begun.id, "challenge"
    return begun


def end(database: Database, code: str, *, reveal: bool = False, now: float | None = None) -> None:
    """Take no further tries; with `reveal` show what the adaptive attack does."""
    with database.writing() as session:
        room = found_room(session, code, lock=True)
        _end_open(session, room.id, time.time() if now is None else now)
        if reveal and room.challenge_id is not None:
            session.execute(update(Challenge).where(Challenge.id == room.challenge_id).values(revealed=True))


def _end_open(session: Session, room_id: int, now: float) -> None:
    still_open = (Challenge.room_id == room_id, Challenge.closed_at.is_(None))
    session.execute(update(Challenge).where(*still_open).values(closed_at=now))


# ---- the student -----------------------------------------------------------------------------------------------------


def attempt(
    database: Database, token: str, challenge_id: int, chosen: Mapping[str, Any], *, now: float | None = None
) -> Attempt:
    """Put a try into the line. Raises ClassroomError beyond the limits, TooLate after the end, TooMany for a second."""
    now = time.time() if now is None else now
    with database.writing() as session:
        seat, room = found_seat(session, token, now=now)
        given = session.get(Challenge, challenge_id, with_for_update=True)
        if given is None or given.room_id != room.id:
            raise NotHere(Text("classroom.there-no-such", "There is no such challenge in this room."))
        if given.closed_at is not None:
            raise TooLate(Text("classroom.challenge-ended", "This challenge has ended."))
        mine = (Attempt.challenge_id == challenge_id, Attempt.seat_id == seat.id)
        states = session.scalars(select(Attempt.state).where(*mine)).all()
        if WAITING in states or RUNNING in states:
            raise TooMany(Text("classroom.your-last", "Your last try is still being computed; wait for it."))
        if len(states) >= MOST_TRIES:
            raise TooMany(Text("classroom.you-had", "You have had {n} tries, which is all there are.", n=MOST_TRIES))
        tried = Attempt(challenge_id=challenge_id, seat_id=seat.id, chosen=within(given.kind, chosen), asked_at=now)
        session.add(tried)
        session.flush()
    return tried


def within(kind: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What a student chose, and nothing else that came with it; ClassroomError for what is not offered."""
    if kind == "smallest":
        name, eps = chosen.get("attack"), chosen.get("eps")
        steps = chosen.get("steps") if name == "pgd" else 1
        if name in ("fgsm", "pgd") and _among(eps, EPS) and _among(steps, STEPS):
            return {"attack": name, "eps": eps, "steps": steps}
    else:
        name, strength = chosen.get("filter"), chosen.get("strength")
        if isinstance(name, str) and _among(strength, FILTERS.get(name, ())):
            return {"filter": name, "strength": strength}
    raise ClassroomError(Text("classroom.choice-not", "This choice is not offered; choose from the fields shown."))


def _among(value: object, offered: Sequence[float]) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value in offered


def in_words(chosen: Mapping[str, Any]) -> str:
    """A choice as a line of the leaderboard has room for it."""
    if "filter" in chosen:
        return FILTER_TITLES[chosen["filter"]].format(strength=chosen["strength"])
    name = "FGSM" if chosen["attack"] == "fgsm" else f"PGD-{chosen['steps']}"
    return f"{name}, {chosen['eps']:g}/255"


# ---- the process that computes ---------------------------------------------------------------------------------------


def take(database: Database, *, now: float | None = None) -> Job | None:
    """The oldest try that nobody computes, now this process's; None where there is none."""
    now = time.time() if now is None else now
    free = or_(Attempt.state == WAITING, and_(Attempt.state == RUNNING, Attempt.taken_at < now - STALE_SECONDS))
    with database.reading() as session:  # most looks find nothing, and need not hold the file for writing
        if session.scalar(select(Attempt.id).where(free).limit(1)) is None:
            return None
    with database.writing() as session:
        oldest = select(Attempt).where(free).order_by(Attempt.id).limit(1).with_for_update(skip_locked=True)
        found = session.scalar(oldest)
        if found is None:
            return None
        found.state, found.taken_at = RUNNING, now
        of = session.get_one(Challenge, found.challenge_id)
        return Job(attempt=found.id, kind=of.kind, model=of.model, sample=of.sample, chosen=found.chosen)


def finish(database: Database, job: Job, found: Mapping[str, Any] | None) -> None:
    """Keep what was measured; None for a try that could not be computed."""
    values = {"state": FAILED if found is None else DONE, "found": None if found is None else dict(found)}
    with database.writing() as session:
        session.execute(update(Attempt).where(Attempt.id == job.attempt).values(**values))


# ---- what is told ----------------------------------------------------------------------------------------------------


def challenge(database: Database, challenge_id: int) -> Challenge:
    """One challenge; NotHere where it is gone."""
    with database.reading() as session:
        found = session.get(Challenge, challenge_id)
    if found is None:
        raise NotHere(Text("classroom.there-no-such-challenge", "There is no such challenge any more."))
    return found


def queued(database: Database, *, before: int | None = None) -> int:
    """Tries of all rooms that wait or are computed; with `before` those ahead of that one."""
    unfinished = Attempt.state.in_((WAITING, RUNNING))
    with database.reading() as session:
        ahead = (unfinished,) if before is None else (unfinished, Attempt.id < before)
        return session.scalar(select(func.count()).select_from(Attempt).where(*ahead)) or 0


def attempts(database: Database, challenge_id: int, *, seat: int | None = None) -> Sequence[Attempt]:
    """Tries of a challenge in their order, of one seat or of all."""
    with database.reading() as session:
        chosen = select(Attempt).where(Attempt.challenge_id == challenge_id).order_by(Attempt.id)
        return session.scalars(chosen if seat is None else chosen.where(Attempt.seat_id == seat)).all()


def score(kind: str, found: Mapping[str, Any] | None) -> float | None:
    """What counts for the leaderboard: the measured change, smaller is better; None where the try did not succeed."""
    if found is None or not (found["changed"] if kind == "smallest" else found["stopped"] and found["keeps"]):
        return None
    return float(found["change"])


def leaders(database: Database, given: Challenge) -> list[Leader]:
    """Each student's best try, the best first; of equal ones the earlier."""
    with database.reading() as session:
        chosen = (
            select(Attempt, Seat)
            .join(Seat, Attempt.seat_id == Seat.id)
            .where(Attempt.challenge_id == given.id, Attempt.state == DONE, Seat.removed.is_(False))
            .order_by(Attempt.id)
        )
        rows = [row.tuple() for row in session.execute(chosen)]
    best: dict[int, Leader] = {}
    for tried, seat in rows:
        value = score(given.kind, tried.found)
        if value is None or tried.found is None or (seat.id in best and best[seat.id].score <= value):
            continue
        best[seat.id] = Leader(
            seat=seat.id,
            nickname=seat.nickname,
            score=value,
            chosen=in_words(tried.chosen),
            adaptive=tried.found.get("adaptive"),
        )
    return sorted(best.values(), key=lambda leader: leader.score)
