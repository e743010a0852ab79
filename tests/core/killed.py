"""Commands that are killed without warning at random moments, then run to their end.

Each try runs in a child of a server process that has the libraries loaded already, so that the moments fall into the
command and not into seconds of imports.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from safetensors.numpy import load as load_tensors

LOADED = [
    "torch",
    "pandas",
    "meddef_core.cli",
    "meddef_core.training.loop",
    "meddef_core.publishing.trained",
    "meddef_core.prediction.batch",
]
SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command line and where it writes; `setting` are its variables.

    One that runs `once` refuses to write what is there already: so it does after a try that was faster than its kill.
    One that `resumes` has nothing left to do once a try came to its end: it begins anew, so that every kill meets work.
    """

    arguments: Sequence[str]
    writes: Sequence[Path]
    setting: Mapping[str, str]
    once: bool = False
    resumes: bool = False

    @property
    def endings(self) -> tuple[int, ...]:
        """Exit codes of a run that nobody disturbed."""
        return (0, 2) if self.once else (0,)


def warm() -> None:
    """Have the server process load the libraries, so that no command is timed with it."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(LOADED)
    process = server.Process(target=int)
    process.start()
    process.join(SECONDS)


def started(command: Command, log: Path) -> BaseProcess:
    server = multiprocessing.get_context("forkserver")
    process = server.Process(target=_run, args=(list(command.arguments), dict(command.setting), str(log)))
    process.start()
    return process


def to_the_end(command: Command, log: Path) -> float:
    """Run it undisturbed; its seconds. Fails where it does."""
    began, process = time.monotonic(), started(command, log)
    process.join(SECONDS)
    assert process.exitcode in command.endings, log.read_text()
    return time.monotonic() - began


def killed_at_random(command: Command, log: Path, *, tries: int, longest: float, check: Callable[[], None]) -> int:
    """Kill it so many times, each at a moment of its own; how often it was still at work. `check` follows each."""
    moments, hit = random.Random(tries), 0
    for _ in range(tries):
        process = started(command, log)
        process.join(moments.uniform(0.05, 0.7) * longest)
        working = process.is_alive()
        if working:
            process.kill()
            hit += 1
        process.join(SECONDS)
        assert process.exitcode in (*command.endings, -signal.SIGKILL), log.read_text()
        assert_whole(command.writes)
        check()
        if command.resumes and not working:
            for place in command.writes:
                shutil.rmtree(place)
    return hit


def assert_whole(places: Sequence[Path]) -> None:
    """Every file that a reader would open can be read to its end; what is being written has another name."""
    for place in places:
        for path in [place] if place.is_file() else place.rglob("*"):
            if not path.is_file() or path.name.startswith("."):
                continue
            data = path.read_bytes()
            if path.suffix == ".json":
                json.loads(data)
            elif path.suffix == ".safetensors":
                load_tensors(data)
            elif path.suffix == ".csv":
                assert data.endswith(b"\n")


def _run(arguments: list[str], setting: dict[str, str], log: str) -> None:
    import torch

    from meddef_core.cli import main
    from meddef_core.training import loop

    torch.set_num_threads(1)
    loop.SAVE_EVERY_SECONDS = 0.0
    os.environ.update(setting)
    with open(log, "a") as file:  # noqa: PTH123
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.stdout = sys.stderr = file
        main(arguments)
