"""The main program of a worker: `python -P -m meddef_core.io.worker_main PARENT HANDLER LIMITS`.

HANDLER names a module with `handle(header, body) -> (header, body)`, which is called once a message. What the parent
is told of a failure is a MedDefError's sentence and facts; any other exception ends in a word, and running out of
memory ends the process. A worker imports neither torch nor streamlit: torch alone takes 3 GB of address space.
"""

import importlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from meddef_core.errors import MedDefError
from meddef_core.io.confinement import WorkerLimits, allow_processor_time, confine
from meddef_core.io.messages import Bytes, receive, send
from meddef_core.text import packed

Handle = Callable[[dict[str, Any], memoryview], tuple[dict[str, Any], Bytes]]

MAX_REQUEST = 64 * 1024**2
"""Bytes of a request's body; the parent refuses large files before."""

OUT_OF_MEMORY = 3
"""Exit code."""

WATCH_SECONDS = 1.0


def main() -> None:
    """Serve messages from standard input until it ends."""
    parent, handler, limits = int(sys.argv[1]), sys.argv[2], WorkerLimits(**json.loads(sys.argv[3]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent decides
    inbox, outbox = _own_pipes()
    if os.name == "posix":
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    handle: Handle = importlib.import_module(handler).handle
    send(outbox, {"limits": confine(limits)})
    while (request := receive(inbox, most=MAX_REQUEST)) is not None:
        allow_processor_time(limits.processor_seconds)
        header, body = _answer(handle, request[0], request[1].data)
        del request
        send(outbox, header, body)
        del header, body


def _own_pipes() -> tuple[Any, Any]:
    """The pipes to the parent, moved out of the way of C libraries that read standard input or print."""
    inbox, outbox = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return inbox, outbox


def _end_with(parent: int) -> None:
    """End this process once its parent has, also in the middle of a call and when a fork of it holds the pipe open."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(0)


def _answer(handle: Handle, header: dict[str, Any], body: memoryview) -> tuple[dict[str, Any], Bytes]:
    try:
        return handle(header, body)
    except MedDefError as error:
        return {"refused": type(error).__name__, "message": packed(str(error)), "facts": vars(error)}, b""
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # whatever a decoder raises on foreign bytes costs the file, never the server
        return {"failed": type(error).__name__}, b""


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):  # the parent is gone, or ends everything
        sys.exit(0)
