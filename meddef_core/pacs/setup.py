"""A watch from the settings: where its ledger and its audit log are."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import make_url

from meddef_core.pacs.audit_log import StudyLog
from meddef_core.pacs.client import Pacs
from meddef_core.pacs.ledger import Ledger, default_url
from meddef_core.pacs.watch import Watch
from meddef_core.settings import settings
from meddef_core.zoo import LoadedModel


class Places(NamedTuple):
    """Where a watch writes, in words for people: no password."""

    ledger: str
    audit: Path


@contextmanager
def open_watch(
    pacs: Pacs, *, models: Sequence[LoadedModel], days: int, unlabelled: bool, say: Callable[[str], None]
) -> Iterator[tuple[Watch, Places]]:
    """A watch by the settings, whose ledger nobody else has meanwhile; raises PacsError."""
    now, folder = settings(), state_folder()
    url = default_url(folder) if now.pacs_ledger is None else now.pacs_ledger.get_secret_value()
    audit = now.pacs_audit or folder / "pacs-audit.jsonl"
    ledger = Ledger(url)
    try:
        watch = Watch(
            pacs,
            ledger,
            audit=StudyLog(audit),
            models=models,
            stable=now.pacs_stable,
            days=days,
            unlabelled=unlabelled,
            say=say,
        )
        yield watch, Places(make_url(url).render_as_string(hide_password=True), audit)
    finally:
        ledger.close()


def state_folder() -> Path:
    """The user's folder for what a program must remember."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "meddef"
