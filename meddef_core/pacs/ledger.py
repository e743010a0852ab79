"""What the watch has seen and done, in a database: it survives the end of the process at any moment.

The ledger saves work; it is not what keeps results from being stored twice. Their UIDs are derived from the source, and
the PACS is asked for them before anything is sent, so a ledger that is lost costs time and no second result.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from meddef_core.pacs.errors import PacsError
from meddef_core.text import Text

State = Literal["begun", "stored", "abstained", "not read", "not matched"]
"""Of one source for one task and weights. "abstained" is a result that is stored, too."""

STORED: tuple[State, ...] = ("stored", "abstained")

_META = MetaData()
_UID = String(64)

_STUDIES = Table(
    "studies",
    _META,
    Column("study", _UID, primary_key=True),
    Column("signature", String(128), nullable=False),
    Column("since", Float, nullable=False),
    Column("done", String(256), nullable=False),
    Column("audited", String(64), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("retry_at", Float, nullable=False),
)

_RESULTS = Table(
    "results",
    _META,
    Column("source", _UID, primary_key=True),
    Column("weights", String(64), primary_key=True),
    Column("task", String(32), primary_key=True),
    Column("study", _UID, nullable=False, index=True),
    Column("model", String(128), nullable=False),
    Column("created", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("report", _UID, nullable=False),
    Column("capture", _UID, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class SeenStudy:
    """One study: its `signature` has not changed `since` then (seconds of the epoch)."""

    signature: str
    since: float
    done: str
    """Models and options that it was last worked through with, and how it looked then."""
    audited: str
    """The last line of the audit log on it, by its id."""
    tries: int
    retry_at: float


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """What became of one source."""

    source: str
    weights: str
    task: str
    study: str
    model: str
    created: datetime
    state: State
    report: str
    capture: str


class Ledger:
    """A database by URL. One watch at a time: an SQLite file is locked for it.

    Its failures chain no cause: a driver's message may hold the URL with its password.
    """

    def __init__(self, url: str) -> None:
        """Open it, and make its tables where there are none; raises PacsError."""
        try:
            parsed = make_url(url)
            self._lock = _locked(parsed)
            self._engine = create_engine(parsed)
            _META.create_all(self._engine)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
            raise PacsError(
                Text(
                    "pacs.ledger-url",
                    "The ledger's database URL cannot be used; write it as sqlite:////folder/file.sqlite or "
                    "install the driver of the database it names.",
                )
            ) from None
        except (SQLAlchemyError, OSError):
            raise _failed() from None

    def close(self) -> None:
        """Let another watch have it."""
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()

    def see(self, study: str, signature: str, *, now: float) -> SeenStudy:
        """Note that a study looks like this now; one that looks otherwise than before begins to wait anew."""
        fresh: dict[str, Any] = {"signature": signature, "since": now, "tries": 0, "retry_at": 0.0}
        with self._changing() as database:
            row = database.execute(select(_STUDIES).where(_STUDIES.c.study == study)).one_or_none()
            if row is None:
                database.execute(insert(_STUDIES).values(study=study, done="", audited="", **fresh))
                return SeenStudy(done="", audited="", **fresh)
            known = {name: value for name, value in row._mapping.items() if name != "study"}
            if row.signature != signature or row.since > now:  # or a clock that was set back
                database.execute(update(_STUDIES).where(_STUDIES.c.study == study).values(**fresh))
                known |= fresh
        return SeenStudy(**known)

    def later(self, study: str, *, tries: int, retry_at: float) -> None:
        """A study that failed is tried again at that time."""
        with self._changing() as database:
            changed = update(_STUDIES).where(_STUDIES.c.study == study).values(tries=tries, retry_at=retry_at)
            database.execute(changed)

    def done(self, study: str, *, signature: str, key: str, audited: str) -> None:
        """A study is worked through, and looks like `signature` with its results."""
        with self._changing() as database:
            changed = update(_STUDIES).where(_STUDIES.c.study == study)
            database.execute(changed.values(signature=signature, done=key, audited=audited, tries=0, retry_at=0.0))

    def begin(self, entry: LedgerEntry) -> LedgerEntry:
        """Note that a result is begun; where it was begun before, as it was noted then."""
        known = self.entry(entry.source, weights=entry.weights, task=entry.task)
        if known is not None:
            return known
        with self._changing() as database:
            values = {**vars(entry), "created": entry.created.isoformat(timespec="seconds")}
            database.execute(insert(_RESULTS).values(**values))
        return entry

    def finish(self, entry: LedgerEntry, state: State) -> None:
        """Note what became of a result."""
        with self._changing() as database:
            same = (_RESULTS.c.source == entry.source, _RESULTS.c.weights == entry.weights)
            chosen = update(_RESULTS).where(*same, _RESULTS.c.task == entry.task)
            database.execute(chosen.values(state=state))

    def entry(self, source: str, *, weights: str, task: str) -> LedgerEntry | None:
        """What is noted of a source; None where nothing is."""
        chosen = select(_RESULTS).where(
            _RESULTS.c.source == source, _RESULTS.c.weights == weights, _RESULTS.c.task == task
        )
        with self._changing() as database:
            row = database.execute(chosen).one_or_none()
        return None if row is None else _entry(row)

    def of_study(self, study: str) -> tuple[LedgerEntry, ...]:
        """Everything noted of the sources of a study."""
        chosen = select(_RESULTS).where(_RESULTS.c.study == study).order_by(_RESULTS.c.report)
        with self._changing() as database:
            return tuple(_entry(row) for row in database.execute(chosen))

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as database:
                yield database
        except SQLAlchemyError:
            raise _failed() from None


def default_url(folder: Path) -> str:
    """SQLite in that folder."""
    return URL.create("sqlite", database=str(folder / "pacs.sqlite")).render_as_string()


def _entry(row: Row[tuple[str, ...]]) -> LedgerEntry:
    values = dict(row._mapping)
    return LedgerEntry(**{**values, "created": datetime.fromisoformat(values["created"])})


def _locked(url: URL) -> FileLock | None:
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise PacsError(
            Text(
                "pacs.another-watch",
                "Another watch works with the ledger {path}; stop it, or set MEDDEF_PACS_LEDGER.",
                path=path,
            )
        ) from error
    return lock


def _failed() -> PacsError:
    return PacsError(
        Text(
            "pacs.ledger-unusable",
            "The ledger cannot be read or written; check MEDDEF_PACS_LEDGER, its disk and its server.",
        )
    )
