"""The classroom of this server, as its settings say."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dashboard.classroom import access, rooms
from dashboard.classroom.database import Database, default_url
from dashboard.services.errors import MedDefError
from dashboard.services.settings import Settings
from dashboard.services.words import Text

SWEEP_SECONDS = 60.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Classroom:
    """An open database, and how long its rooms live."""

    database: Database
    hours: float
    days: float
    url: str | None
    """Address of the phone page, where the server was told one."""


def open_classroom(now: Settings) -> Classroom:
    """Open the database and take over the PIN of the settings; MedDefError where there never was one."""
    url = default_url(state_folder()) if now.database_url is None else now.database_url.get_secret_value()
    database = Database(url)
    if now.classroom_pin is not None:
        access.set_pin(database, now.classroom_pin.get_secret_value())
    if not access.has_pin(database):
        raise MedDefError(
            Text(
                "classroom.classroom-no", "The classroom has no teacher's PIN; start it with `meddef app --classroom`."
            )
        )
    return Classroom(database=database, hours=now.classroom_hours, days=now.classroom_days, url=now.classroom_url)


def state_folder() -> Path:
    """The user's folder for what a program must remember."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "meddef"


def keep_swept(database: Database, *, stop: threading.Event) -> Callable[[], None]:
    """What a thread does until `stop`: it deletes what has run out. A database that is away is asked again."""

    def sweep() -> None:
        while not stop.wait(SWEEP_SECONDS):
            swept(database)

    return sweep


def swept(database: Database, *, now: float | None = None) -> None:
    """Delete expired rooms, tokens and tries once."""
    now = time.time() if now is None else now
    try:
        rooms.expire(database, now=now)
        access.expire(database, now=now)
    except MedDefError:  # the pages say so; the next minute tries again
        return
