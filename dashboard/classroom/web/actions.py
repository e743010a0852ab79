"""What a teacher can do to a room: one function an action, from a message to plain values.

What needs PyTorch is imported where it is used: after a restart phones are answered before it is loaded.
"""

import time
from collections.abc import Callable
from typing import Any

from dashboard.classroom import challenge, questions, rooms
from dashboard.classroom.errors import ClassroomError
from dashboard.classroom.opened import Classroom
from dashboard.classroom.questions import Draft
from dashboard.classroom.web.answers import Body, as_text, number, switch, text, whole
from dashboard.classroom.words import translator
from dashboard.language import LANGUAGES
from dashboard.services.tasks import TASKS
from dashboard.services.words import Text

Act = Callable[[Body], Any]


def teacher_actions(classroom: Classroom) -> dict[str, Act]:
    """Every action by its name; each takes a message and answers with plain values."""
    database = classroom.database

    def code(body: Body) -> str:
        return text(body, "code")

    def open_room(body: Body) -> Any:
        language = text(body, "language", usual="en")
        if language not in LANGUAGES:
            raise ClassroomError(Text("classroom.there-no-such-language", "There is no such language."))
        room = rooms.open_room(database, language=language, hours=classroom.hours, days=classroom.days)
        return {"code": room.code}

    def list_rooms(body: Body) -> Any:
        now = time.time()
        found = rooms.list_rooms(database)
        return {"rooms": [{"code": each.code, "open": each.expires_at > now} for each in found]}

    def timer(body: Body) -> None:
        seconds = whole(body, "seconds")
        if not 0 <= seconds <= rooms.MOST_TIMER_SECONDS:
            raise ClassroomError(Text("classroom.timer-runs", "A timer runs an hour at most."))
        ends = time.time() + seconds if seconds else None
        rooms.change_room(database, code(body), timer_ends_at=ends)

    def lesson(body: Body) -> None:
        from dashboard.classroom import steps

        step = steps.numbered(text(body, "lesson"), whole(body, "step"))
        rooms.change_room(
            database, code(body), lesson=text(body, "lesson"), step=step, showing="lesson", revealed=False
        )

    def ask(body: Body) -> Any:
        return {"question": questions.ask(database, code(body), draft_of(body)).id}

    def ask_live(body: Body) -> Any:
        from dashboard.classroom import live

        tr = translator(rooms.room_by_code(database, code(body)).language)
        made = live.make(text(body, "kind"), task=text(body, "task"), level=text(body, "level"), tr=tr)
        return {"question": questions.ask(database, code(body), made.draft, pictures=made.pictures).id}

    def ask_step(body: Body) -> Any:
        from dashboard.classroom import steps

        room = rooms.room_by_code(database, code(body))
        return {"question": questions.ask(database, room.code, steps.asked_by(steps.place_of(room))).id}

    def start_challenge(body: Body) -> None:
        from dashboard.services import shared as services

        kind, task = text(body, "kind"), text(body, "task")
        sample = text(body, "sample")
        known = {each.key for each in services.samples(task)} if task in TASKS else set()
        if sample not in known:
            raise ClassroomError(
                Text("classroom.there-no-such-scan", "There is no such scan; choose one of those shown.")
            )
        challenge.start(database, code(body), kind=kind, task=task, sample=sample)

    return {
        "start_challenge": start_challenge,
        "close_challenge": lambda body: challenge.end(database, code(body)),
        "reveal_challenge": lambda body: challenge.end(database, code(body), reveal=True),
        "open_room": open_room,
        "rooms": list_rooms,
        "delete_room": lambda body: rooms.delete_room(database, code(body)),
        "lock": lambda body: done(rooms.change_room(database, code(body), locked=switch(body, "locked"))),
        "show": lambda body: done(rooms.change_room(database, code(body), showing=text(body, "showing"))),
        "reveal_step": lambda body: done(rooms.change_room(database, code(body), revealed=switch(body, "revealed"))),
        "remove_seat": lambda body: rooms.remove_seat(database, code(body), whole(body, "seat")),
        "remove_name": lambda body: rooms.remove_name(database, code(body), whole(body, "seat")),
        "timer": timer,
        "lesson": lesson,
        "ask": ask,
        "ask_live": ask_live,
        "ask_step": ask_step,
        "close": lambda body: questions.close(database, code(body), reveal=switch(body, "reveal")),
    }


def done(room: object) -> None:
    """A room that was changed says nothing more: the next look at it does."""


def offered(language: str) -> dict[str, Any]:
    """Lessons, kinds of scan and scans that a teacher can choose from."""
    from dashboard.classroom import steps
    from dashboard.services import shared as services

    tr = translator(language)
    samples = [each for task in TASKS for each in services.samples(task)]
    return {
        "lessons": steps.lessons(language),
        "tasks": [{"key": key, "title": tr(task.title)} for key, task in TASKS.items()],
        "samples": [{"task": each.task, "key": each.key, "title": tr(each.title)} for each in samples],
    }


def draft_of(body: Body) -> Draft:
    """The question of a message; ClassroomError where it cannot be asked."""
    kind = text(body, "kind")
    options = body.get("options", [])
    if kind not in ("choice", "right_wrong", "number") or not isinstance(options, list):
        raise ClassroomError(
            Text("classroom.there-no-such-kind", "There is no such kind of question; choose one of those shown.")
        )
    return Draft(
        kind=kind,
        prompt=text(body, "prompt"),
        options=tuple(as_text(option, "option") for option in options),
        answer=whole(body, "answer") if body.get("answer") is not None else None,
        number=number(body, "number") if body.get("number") is not None else None,
        tolerance=number(body, "tolerance") if body.get("tolerance") is not None else 0.0,
        explanation=text(body, "explanation", usual=""),
    )
