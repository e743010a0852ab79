"""A handler for workers that does what a test tells it, most of it wrong."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

STARTED = int(Path("/proc/self/statm").read_text().split()[0]) * 4096 if sys.platform == "linux" else 0


def handle(header: dict[str, Any], body: memoryview) -> tuple[dict[str, Any], bytes]:
    act = header["do"]
    if act in ("lie", "cut", "no JSON", "long header"):
        _write(act)
    if act == "memory":
        return {}, bytes(2 * 10**9)
    if act == "compute":
        while True:
            pass
    if act == "compute_quietly":
        sum(range(10**12))
    if act == "raise":
        return {}, bytes(1 // 0)
    if act == "die":
        os.abort()
    if act in ("sleep", "nap"):
        time.sleep(60 if act == "sleep" else 0.3)
    if act == "print":
        os.write(1, b"noise of a library")
        sys.stderr.write("more noise")
    if act == "limits":
        return _limits(), b""
    return {"pid": os.getpid()}, bytes(body)


def _limits() -> dict[str, Any]:
    import resource

    return {
        "core": list(resource.getrlimit(resource.RLIMIT_CORE)),
        "memory": resource.getrlimit(resource.RLIMIT_AS)[0],
        "processor": resource.getrlimit(resource.RLIMIT_CPU)[0],
        "started": STARTED + 64 * 1024**2,
    }


def _write(act: str) -> None:
    """Speak past the protocol, on the pipe to the parent itself."""
    words = {
        "lie": (2).to_bytes(4, "little") + (10**15).to_bytes(8, "little") + b"{}",
        "cut": (2).to_bytes(4, "little") + (10).to_bytes(8, "little") + b"{}123",
        "no JSON": (2).to_bytes(4, "little") + bytes(8) + b"{[",
        "long header": (10**9).to_bytes(4, "little") + bytes(8),
    }
    os.write(_pipe(), words[act])
    os._exit(0)


def _pipe() -> int:
    """The duplicate of standard output that the worker answers on: the last pipe that is open."""
    pipes = []
    for number in range(3, 20):
        with suppress(OSError):
            if str(Path(f"/proc/self/fd/{number}").readlink()).startswith("pipe:"):
                pipes.append(number)
    return max(pipes)
