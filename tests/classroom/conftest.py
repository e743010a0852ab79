"""An empty classroom database: SQLite always, a real PostgreSQL where there is one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import running_postgres
from sqlalchemy import text

from dashboard.classroom.database import Database, default_url


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if request.param == "sqlite":
        return default_url(tmp_path / "state")
    found: str = request.getfixturevalue("postgres")
    other = Database(found)
    with other.writing() as session:
        session.execute(text("DROP SCHEMA public CASCADE"))
        session.execute(text("CREATE SCHEMA public"))
    other.close()
    return found


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()
