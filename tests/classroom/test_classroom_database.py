"""The tables: made once however many begin, the same as declared, gone with their room."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select, text

from dashboard.classroom import questions, rooms
from dashboard.classroom.database import Database, default_url
from dashboard.classroom.errors import NoDatabase
from dashboard.classroom.questions import Draft, QuestionPicture
from dashboard.classroom.tables import Base, Image, Question, Room, Seat, Vote

ROOT = Path(__file__).resolve().parents[2]
YES_NO = Draft(kind="right_wrong", prompt="Is it?", options=("Right", "Wrong"), answer=0)


def test_migrations_make_what_is_declared(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_two_processes_that_begin_at_once_make_the_tables_once(url: str) -> None:
    script = "import sys; from dashboard.classroom.database import Database; Database(sys.argv[1]).close()"

    def begin(_: int) -> int:
        return subprocess.run([sys.executable, "-c", script, url], cwd=ROOT, check=False).returncode

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(begin, range(3))) == [0, 0, 0]


def test_deleting_a_room_deletes_its_rows_and_no_other(database: Database) -> None:
    for _ in range(2):
        room = rooms.open_room(database, language="en", hours=1, days=1)
        token, _ = rooms.join(database, room.code, nickname="A", who="a")
        asked = questions.ask(database, room.code, YES_NO, pictures=[QuestionPicture(b"png", "before")])
        questions.vote(database, token, asked.id, choice=0)
    rooms.delete_room(database, room.code)
    with database.reading() as session:
        for table in (Room, Seat, Question, Image, Vote):
            assert session.scalar(select(func.count()).select_from(table)) == 1, table


def test_what_a_failed_block_wrote_is_not_there(database: Database) -> None:
    with pytest.raises(RuntimeError), database.writing() as session:
        session.add(Room(code="X", language="en", created_at=0, expires_at=0, deleted_at=0))
        session.flush()
        raise RuntimeError
    assert rooms.list_rooms(database) == []


def test_sqlite_writes_ahead_and_is_for_its_owner(tmp_path: Path) -> None:
    database = Database(default_url(tmp_path / "state"))
    with database.reading() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    database.close()


@pytest.mark.parametrize(
    "url",
    ["nonsense", "nosuch://u:s3cret@h/d", "postgresql+psycopg://u:s3cret@127.0.0.1:1/d", "sqlite:////proc/x/y.db"],
)
def test_a_database_that_cannot_work_is_one_sentence_without_its_password(url: str) -> None:
    with pytest.raises(NoDatabase) as refused:
        Database(url)
    said = str(refused.value)
    assert "MEDDEF_DATABASE_URL" in said and "s3cret" not in said and refused.value.__cause__ is None
