"""The pages' audit log: what was done in which session, where the server keeps one."""

from dashboard.services import account
from dashboard.services.visitor import session_id
from meddef_core.io import audit_log
from meddef_core.io.audit_log import Action, session_number
from meddef_core.records import Record

NOBODY = "none"
"""Stands for the session where a page is run without a server."""


def who() -> str:
    """Who is at work, as the log names it: the person who has logged in, else the session.

    Ask on the page: a download is made on a thread without a session.
    """
    return account.subject() or session_number(session_id() or NOBODY)


def note(action: Action, *, model: str | None = None, record: Record | None = None, n: int = 1, by: str = "") -> None:
    """Add a line, where there is a log; raises AuditError where it cannot be written."""
    document = None if record is None else record.document()
    audit_log.note(action, who=by or who(), model=model, record=document, n=n)
