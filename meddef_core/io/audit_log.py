"""Who did what with which model: a JSON line each, for whoever answers for the server.

A line holds a time, an action, the key of a model, the id of a record and who acted, as a number. What could hold a
name, a file name or a pixel has no field, and every field has a form that free text does not fit.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from meddef_core import __version__
from meddef_core.errors import MedDefError
from meddef_core.io.line_file import KEPT, MOST_BYTES, LineFile, reason
from meddef_core.settings import settings
from meddef_core.text import Text

Action = Literal["predict", "attack", "batch", "export", "clear"]
ACTIONS: tuple[Action, ...] = get_args(Action)

_FORMS = {
    "who": re.compile(r"(session|uid|subject) [0-9a-f]{1,32}"),
    "model": re.compile(r"[a-z0-9]+/[a-z0-9+_-]{1,64}"),
    "record": re.compile(r"[0-9a-f]{16}|\d+(\.\d+){3,30}"),
}
"""What each field may hold; a record is named by `record_id`, or a DICOM object by its UID."""


class AuditError(MedDefError):
    """The audit log cannot be written: what it would have said must not happen."""


class AuditLog:
    """The lines of one file; several processes may write to it."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._file = LineFile(path, most_bytes=most_bytes, kept=kept)

    def add(self, action: Action, *, who: str, model: str | None = None, record: str | None = None, n: int = 1) -> None:
        """Add a line, on the disk when this returns. `n` counts scans. Raises AuditError; ValueError for free text."""
        given = {"who": who, "model": model, "record": record}
        for field, value in given.items():
            if value is not None and not _FORMS[field].fullmatch(value):
                raise ValueError(f"{field} has a form of its own in the audit log; free text has no place there")
        if action not in ACTIONS:
            raise ValueError(f"{action!r} is no action of the audit log")
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "action": action,
            **{field: value for field, value in given.items() if value is not None},
            "n": n,
            "software": f"MedDef {__version__}",
        }
        try:
            self._file.add(json.dumps(line).encode())
        except OSError as error:
            raise AuditError(
                Text(
                    "io.audit-log",
                    "The audit log {path} cannot be written ({error}), so nothing was done; make room or "
                    "correct MEDDEF_AUDIT_LOG.",
                    path=self._path,
                    error=reason(error),
                )
            ) from error


def note(
    action: Action, *, who: str = "", model: str | None = None, record: Mapping[str, Any] | None = None, n: int = 1
) -> None:
    """Add a line to the log of the settings, where there is one; `record` is its document, `who` else this process."""
    path = settings().audit_log
    if path is not None:
        named = None if record is None else record_id(record)
        AuditLog(path).add(action, who=who or own_number(), model=model, record=named, n=n)


def record_id(document: Mapping[str, Any]) -> str:
    """Names a record: the beginning of the sha256 of its JSON document with sorted keys."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, allow_nan=False).encode()).hexdigest()[:16]


def session_number(session: str) -> str:
    """Who a session is: the same for all it does, and nothing that it could be entered by."""
    return f"session {hashlib.sha256(session.encode()).hexdigest()[:16]}"


def subject_number(issuer: str, subject: str) -> str:
    """Who a person is that has logged in: a number that only who knows the person's id at the provider can find."""
    return f"subject {hashlib.sha256(f'{issuer} {subject}'.encode()).hexdigest()[:16]}"


def own_number() -> str:
    """Who runs this process: the number of the user on this machine, as the command line says it."""
    getuid = getattr(os, "getuid", None)
    return f"uid {getuid() if getuid else 0:x}"
