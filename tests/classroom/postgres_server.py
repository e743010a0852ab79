"""Debian's PostgreSQL, started for the tests in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from served import free_port

DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
START_SECONDS = 300.0


def program(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([*map(str, reversed(DEBIAN)), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"needs PostgreSQL ({name}): apt-get install postgresql")
    return found


def as_nobody() -> dict[str, str]:
    """PostgreSQL refuses to run as root: then it runs as a user without rights."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": name}
    pytest.skip("needs a user other than root for PostgreSQL")


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a server with an empty database, reached over TCP; nothing of it stays on the disk.

    Its folder is none of pytest's: those are for their owner alone, and PostgreSQL runs as another user.
    """
    with tempfile.TemporaryDirectory(prefix="meddef-postgres-") as folder:
        Path(folder).chmod(0o711)
        with _running_in(Path(folder)) as url:
            yield url


@contextmanager
def _running_in(folder: Path) -> Iterator[str]:
    initdb, postgres = program("initdb"), program("postgres")
    user, data, port = as_nobody(), folder / "data", free_port()
    data.mkdir(mode=0o700)
    if user:
        shutil.chown(data, **user)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    made = [initdb, "--pgdata", str(data), "--username", "meddef", "--auth", "trust", "--no-sync", "--encoding", "UTF8"]
    subprocess.run(made, check=True, **user, **quiet)  # type: ignore[call-overload]
    settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off")
    options = [part for setting in settings for part in ("-c", setting)]
    process = subprocess.Popen([postgres, "-D", str(data), *options], **user, **quiet)  # type: ignore[call-overload]
    try:
        _wait(port, process)
        yield f"postgresql+psycopg://meddef@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    ready = [program("pg_isready"), "--host", "127.0.0.1", "--port", str(port), "--quiet"]
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if subprocess.run(ready, check=False).returncode == 0:
            return
        time.sleep(0.1)
    pytest.fail("PostgreSQL did not start")
