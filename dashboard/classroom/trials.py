"""Computing the tries of a challenge: threads that take them from the database, and what each measures."""

import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from dashboard.classroom import challenge
from dashboard.classroom.database import Database
from dashboard.services import classroom as computed
from dashboard.services.errors import MedDefError
from dashboard.services.queue import SETTINGS
from dashboard.services.results.common import AttackOutcome, Reading

FIXED_EPS = 2 / 255
"""Of the attack that the filters are tried against."""

IDLE_SECONDS = 0.3
KEPT = 512


def workers(database: Database, *, stop: threading.Event) -> list[threading.Thread]:
    """As many threads as the server computes requests at once, not yet started."""
    return [
        threading.Thread(target=keep_trying(database, stop=stop), daemon=True, name=f"challenge-{number}")
        for number in range(SETTINGS.work_slots)
    ]


def keep_trying(database: Database, *, stop: threading.Event) -> Callable[[], None]:
    """What such a thread does until `stop`; while the database is away it asks again."""

    def work() -> None:
        while not stop.is_set():
            try:
                busy = once(database)
            except MedDefError:
                busy = False
            if not busy:
                stop.wait(IDLE_SECONDS)

    return work


def once(database: Database) -> bool:
    """Compute one try; whether there was one."""
    job = challenge.take(database)
    if job is None:
        return False
    try:
        found: Mapping[str, Any] | None = measured(job.kind, job.model, job.sample, tuple(job.chosen.items()))
    except MedDefError:
        found = None
    challenge.finish(database, job, found)
    return True


@lru_cache(maxsize=KEPT)
def measured(kind: str, model: str, sample: str, chosen: tuple[tuple[str, Any], ...]) -> Mapping[str, Any]:
    """What a try comes to, from a fresh forward pass of the scan that came out. The same try gives the same result."""
    given = dict(chosen)
    clean = clean_of(model, sample)
    if kind == "smallest":
        found = computed.attacked(clean, name=given["attack"], eps=given["eps"] / 255, steps=given["steps"])
        after = found.attacked
        return {"changed": found.changed, "change": after.linf, "label": after.reading.label}
    name, strength = given["filter"], given["strength"]
    behind = computed.filtered(clean, fixed(model, sample).attacked.reading.picture, kind=name, strength=strength)
    told: dict[str, Any] = {
        "keeps": behind.clean.label == clean.label,
        "stopped": behind.attacked.label == clean.label,
        "change": behind.change,
    }
    if told["keeps"] and told["stopped"]:
        adaptive, _ = computed.adaptive(clean, kind=name, strength=strength, eps=FIXED_EPS)
        told["adaptive"] = adaptive.label != clean.label
    return told


@lru_cache(maxsize=KEPT)
def clean_of(model: str, sample: str) -> Reading:
    """The prediction that everybody tries to change."""
    task, _, name = model.partition("/")
    return computed.prediction(computed.model_of(task, name), sample)


@lru_cache(maxsize=KEPT)
def fixed(model: str, sample: str) -> AttackOutcome:
    """The attack that the filters are tried against: PGD-10 on the model without any filter."""
    return computed.attacked(clean_of(model, sample), name="pgd", eps=FIXED_EPS)
