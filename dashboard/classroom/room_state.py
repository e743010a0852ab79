"""What a student, the projector and the teacher are told of a room: plain JSON, nobody more than they may know."""

import time
from typing import Any

from dashboard.classroom import challenge, questions, rooms
from dashboard.classroom.database import Database
from dashboard.classroom.questions import Tally
from dashboard.classroom.tables import Challenge, Question, Room, Seat

MOST_LEADERS = 10


def for_student(database: Database, token: str) -> dict[str, Any]:
    """The phone's view. The right answer and the tally are in it once they are revealed, and not before."""
    seat, room = rooms.seat_of(database, token)
    told: dict[str, Any] = {"nickname": seat.nickname, **_shared(room), "question": None}
    if room.showing == "question" and room.question_id is not None:
        asked = questions.question(database, room.question_id)
        told["question"] = _question(database, asked, seat)
    if room.showing == "challenge" and room.challenge_id is not None:
        told["challenge"] = _tries(database, challenge.challenge(database, room.challenge_id), seat)
    return told


def for_projector(database: Database, code: str) -> dict[str, Any]:
    """What stands on the projected page: counts, and of students only how many there are."""
    room = rooms.room_by_code(database, code)
    present = rooms.seats(database, room.id)
    told: dict[str, Any] = {**_shared(room), "students": len(present), "question": None}
    if room.question_id is not None:
        asked = questions.question(database, room.question_id)
        told["question"] = {"tally": _counts(questions.tally(database, asked))} | _question(database, asked, None)
    if room.showing == "challenge" and room.challenge_id is not None:
        told["contest"] = _contest(database, challenge.challenge(database, room.challenge_id))
    return told


def for_teacher(database: Database, code: str) -> dict[str, Any]:
    """Everything: names, who has answered, the right answer and the live tally, what was asked before."""
    room = rooms.room_by_code(database, code)
    present = rooms.seats(database, room.id)
    told: dict[str, Any] = {**_shared(room), "locked": room.locked, "expires": room.expires_at, "question": None}
    answered: frozenset[int] = frozenset()
    if room.question_id is not None:
        asked = questions.question(database, room.question_id)
        answered = questions.voters(database, asked.id)
        found = questions.tally(database, asked)
        told["question"] = _question(database, asked, None) | _answer(asked, found)
    told["seats"] = [{"id": s.id, "nickname": s.nickname, "answered": s.id in answered} for s in present]
    told["asked"] = [
        {"id": each.id, "prompt": each.prompt, "kind": each.kind} for each in questions.questions(database, room.id)
    ]
    return told


def _shared(room: Room) -> dict[str, Any]:
    left = None if room.timer_ends_at is None else max(0.0, room.timer_ends_at - time.time())
    return {
        "code": room.code,
        "language": room.language,
        "showing": room.showing,
        "lesson": room.lesson,
        "step": room.step,
        "revealed": room.revealed,
        "challenge_id": room.challenge_id,
        "seconds_left": left,
    }


def _question(database: Database, asked: Question, seat: Seat | None) -> dict[str, Any]:
    shown = [
        {"id": number, "caption": after if asked.revealed and after else before}
        for number, before, after in questions.captions(database, asked.id)
    ]
    told: dict[str, Any] = {
        "id": asked.id,
        "kind": asked.kind,
        "prompt": asked.prompt,
        "options": asked.options,
        "images": shown,
        "open": asked.closed_at is None,
        "revealed": asked.revealed,
    }
    if seat is not None:
        given = questions.vote_of(database, asked.id, seat.id)
        told["given"] = None if given is None else {"choice": given.choice, "number": given.number}
        if asked.revealed and given is not None and (asked.answer is not None or asked.number is not None):
            told["right"] = questions.is_right(asked, choice=given.choice, number=given.number)
    if asked.revealed:
        told |= _answer(asked, questions.tally(database, asked))
    return told


def _answer(asked: Question, found: Tally) -> dict[str, Any]:
    return {
        "answer": asked.answer,
        "number": asked.number,
        "explanation": asked.explanation,
        "tally": _counts(found) | {"right": found.right},
    }


def _counts(found: Tally) -> dict[str, Any]:
    """Who chose what, without what is right: the projector shows it while the class still answers."""
    return {"n": found.n, "counts": found.counts, "numbers": found.numbers}


# ---- the challenge ---------------------------------------------------------------------------------------------------


def _tries(database: Database, given: Challenge, seat: Seat) -> dict[str, Any]:
    """One student's tries; what the adaptive attack does is left out until it is revealed."""
    mine, told = challenge.attempts(database, given.id, seat=seat.id), []
    for each in mine:
        ahead = challenge.queued(database, before=each.id) if each.state == challenge.WAITING else 0
        found = None if each.found is None else _found(given, each.found)
        told.append({"chosen": challenge.in_words(each.chosen), "state": each.state, "ahead": ahead, "found": found})
    scores = [value for each in mine if (value := challenge.score(given.kind, each.found)) is not None]
    return {
        "id": given.id,
        "kind": given.kind,
        "open": given.closed_at is None,
        "mine": told,
        "best": measured_words(min(scores)) if scores else None,
        "limits": {"eps": challenge.EPS, "steps": challenge.STEPS, "filters": challenge.FILTERS},
    }


def _found(given: Challenge, found: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in found.items() if name != "adaptive" or given.revealed}
    return told | {"measured": measured_words(found["change"])}


def _contest(database: Database, given: Challenge) -> dict[str, Any]:
    best = challenge.leaders(database, given)
    return {
        "id": given.id,
        "kind": given.kind,
        "revealed": given.revealed,
        "queued": challenge.queued(database),
        "leaders": [
            vars(each) | {"score": measured_words(each.score), "adaptive": each.adaptive if given.revealed else None}
            for each in best[:MOST_LEADERS]
        ],
    }


def measured_words(change: float) -> str:
    """A measured change in 1/255: the largest of a pixel, or the mean of a preprocessing."""
    return f"{255 * change:.2f}/255"
