"""One child process that answers one call at a time, seen from its parent."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from meddef_core.errors import MedDefError
from meddef_core.io import messages
from meddef_core.io.confinement import PROCESSOR, WorkerLimits
from meddef_core.settings import SECRETS, variable
from meddef_core.text import Text

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parents[2]
"""The folder that `meddef_core` is imported from."""

START_SECONDS = 120.0
"""Time by the clock for a worker to load its libraries, on a busy machine."""

POLL_SECONDS = 0.05
"""How soon a call notices that it was cancelled."""

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""A thread pool takes address space, and there are as many workers as there is work for."""


_PIPE_BYTES = 1024**2


class CancelledError(MedDefError):
    """Whoever asked no longer wants the answer."""


class OverLimitError(Exception):
    """The worker was ended: its call took more memory or time than allowed, or it died."""


class WorkerError(MedDefError):
    """No worker can be started on this machine."""


@dataclass(frozen=True, eq=False)
class Reply:
    """What a worker answered. Nothing of it is believed yet but its size."""

    header: dict[str, Any]
    body: NDArray[np.uint8]


@dataclass(eq=False)
class _Exchange:
    """One call on its way; a thread of its own waits on the pipes, because not every system can wait on a pipe."""

    header: Mapping[str, Any]
    body: bytes
    most: int
    done: threading.Event = field(default_factory=threading.Event)
    reply: Reply | None = None


class Worker:
    """A child process. Not for several threads at once; once `ask` has raised, only `end` may follow."""

    def __init__(self, handler: str, limits: WorkerLimits) -> None:
        self._limits = limits
        self._process = _started(handler, limits)
        # Unbuffered pipes, as `bufsize=0` makes them.
        self._inbox, self._outbox = cast(FileIO, self._process.stdout), cast(FileIO, self._process.stdin)
        for pipe in (self._inbox, self._outbox):
            _widen(pipe)
        self._waiting: threading.Thread | None = None
        self._seconds: float | None = None
        self._ready_at: float | None = None
        self._calls = 0

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it is alive and has calls left."""
        return self._calls < self._limits.calls and self._process.poll() is None

    def ask(
        self,
        header: Mapping[str, Any],
        body: bytes,
        *,
        most: int,
        cancelled: Callable[[], bool],
        on_wait: Callable[[float], None],
    ) -> Reply:
        """The answer, whose body has at most `most` bytes; `on_wait(seconds)` hears how long the call runs.

        Raises CancelledError, OverLimitError, WorkerError, or what the two callbacks raise.
        """
        self._calls += 1
        exchange = _Exchange(header, body, most)
        asked = time.monotonic()
        self._waiting = threading.Thread(target=self._exchange, args=(exchange,), daemon=True)
        self._waiting.start()
        while not exchange.done.wait(POLL_SECONDS):
            if cancelled():
                raise CancelledError(
                    Text(
                        "io.file-not-read", "The file was not read to its end, as nobody waits for it; choose it again."
                    )
                )
            began, now = self._ready_at, time.monotonic()
            if began is None or self._seconds is None:
                if now - asked > START_SECONDS:
                    raise self._not_started()
                continue
            on_wait(now - max(began, asked))
            if now - max(began, asked) > self._seconds:
                raise OverLimitError
        if self._ready_at is None:
            raise self._not_started()
        if exchange.reply is None:
            raise OverLimitError
        return exchange.reply

    def end(self) -> None:
        """End the process now, whatever it does, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        if self._waiting is not None:
            self._waiting.join()
        for pipe in (self._inbox, self._outbox):
            pipe.close()

    def _exchange(self, exchange: _Exchange) -> None:
        """Runs in a thread of its own; when the process ends, so does every wait in here."""
        try:
            if self._ready_at is None:
                self._greet(messages.receive(self._inbox, most=0))
            messages.send(self._outbox, exchange.header, exchange.body)
            found = messages.receive(self._inbox, most=exchange.most)
            exchange.reply = None if found is None else Reply(*found)
        except (OSError, ValueError, messages.MessageError):
            # Broken off, or broken: there is no reply, and the worker is not asked again.
            exchange.reply = None
        finally:
            exchange.done.set()

    def _greet(self, greeting: tuple[dict[str, Any], NDArray[np.uint8]] | None) -> None:
        if greeting is None:
            raise messages.MessageError("no greeting")
        held = greeting[0].get("limits")
        alone = not isinstance(held, list) or PROCESSOR not in held
        self._seconds = self._limits.clock_seconds_alone if alone else self._limits.clock_seconds
        self._ready_at = time.monotonic()

    def _not_started(self) -> WorkerError:
        code = self._process.poll()
        why = (
            Text("io.takes-too-long", "it takes too long")
            if code is None
            else Text("io.exit-code", "exit code {code}", code=code)
        )
        return _unstartable(why)


def _started(handler: str, limits: WorkerLimits) -> "subprocess.Popen[bytes]":
    # -P keeps the folder that the command runs in out of the import path: it may hold anybody's files.
    command = [sys.executable, "-P", "-m", "meddef_core.io.worker_main"]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    try:
        return subprocess.Popen(
            [*command, str(os.getpid()), handler, json.dumps(asdict(limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Libraries remark on what they find odd in a file, and that may be a name.
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**_environment(), **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": path},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise _unstartable(str(error.strerror)) from error


def _environment() -> dict[str, str]:
    """Ours without passwords: a worker reads what anybody may have made."""
    private = {variable(name) for name in SECRETS}
    return {name: value for name, value in os.environ.items() if name not in private}


def _widen(pipe: FileIO) -> None:
    """Let a pipe hold more at once, where it can: a picture of megabytes then needs fewer turns of both processes."""
    if fcntl is not None and sys.platform == "linux":
        with suppress(OSError):  # an unprivileged user has a bound on pipes; a narrow one works too
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _unstartable(why: str) -> WorkerError:
    return WorkerError(
        Text(
            "io.process-decodes",
            "The process that decodes scans cannot be started ({why}); free memory or reinstall MedDef.",
            why=why,
        )
    )
