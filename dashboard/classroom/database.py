"""The classroom's database: SQLite with nothing to start, or PostgreSQL for several processes behind one proxy.

Its failures chain no cause: a driver's message may hold the URL with its password.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from dashboard.classroom.errors import NoDatabase
from dashboard.services.words import Text

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 15.0
"""How long a process waits for another that writes to the SQLite file."""

MIGRATING = 5_028_000
"""Number of PostgreSQL's advisory lock under which one process migrates and the others wait."""

WRITES = "meddef_writes"


class Database:
    """A database by its URL, migrated to the tables of this version; raises NoDatabase."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            self._sqlite = parsed.get_backend_name() == "sqlite"
            self._engine = _sqlite(parsed) if self._sqlite else create_engine(parsed, pool_pre_ping=True)
            self._migrate()
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
            raise NoDatabase(
                "MEDDEF_DATABASE_URL cannot be used; write it as sqlite:////folder/file.sqlite or "
                "postgresql+psycopg://user:password@host/name, and install the driver it needs."
            ) from None
        except (SQLAlchemyError, OSError):
            raise _failed() from None

    @property
    def engine(self) -> Engine:
        """For what compares the tables with the migrations."""
        return self._engine

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing."""
        with self._session(writes=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are on the disk when the block ends, all or none.

        On SQLite it holds the file from its beginning: what it reads cannot change before it writes.
        """
        with self._session(writes=True) as session:
            yield session

    @contextmanager
    def _session(self, *, writes: bool) -> Iterator[Session]:
        try:
            with (
                self._engine.connect().execution_options(**{WRITES: writes}) as connection,
                connection.begin(),
                Session(connection, expire_on_commit=False) as session,
            ):
                yield session
                session.flush()
        except SQLAlchemyError:
            raise _failed() from None

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
            if not self._sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": MIGRATING})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def default_url(folder: Path) -> str:
    """SQLite in that folder."""
    return URL.create("sqlite", database=str(folder / "classroom.sqlite")).render_as_string()


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin` does
    cursor = connection.cursor()
    # FULL: a vote that was confirmed survives a power cut as well.
    for line in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {line}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _failed() -> NoDatabase:
    return NoDatabase(
        Text(
            "classroom.classrooms-database",
            "The classroom's database does not answer; check MEDDEF_DATABASE_URL, its disk and its server.",
        )
    )
