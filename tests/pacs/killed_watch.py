"""A watch in a process of its own, to be killed at any moment.

The processes are forked from one that has the libraries loaded: a moment chosen at random is then one of work, not one
of starting.
"""

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from watching import watching

_LOADED = ["torch", "watching", "meddef_core.pacs.watch", "meddef_core.pacs.results.capture"]
LONGEST = 300.0


class Killed(NamedTuple):
    kills: int
    """Kills that found the watch at work."""
    seconds: float


def _watch(folder: str, models: tuple[str, ...], stable: float, environment: dict[str, str], ready: Connection) -> None:
    os.environ.update(environment)
    import torch

    torch.set_num_threads(1)
    with watching(Path(folder), *models, stable=stable) as watch:
        ready.send("begun")
        watch.run(once=True, sleep=lambda seconds: time.sleep(min(seconds, 0.2)))


def killed_until_done(
    folder: Path, *models: str, environment: dict[str, str], kills: int, rng: random.Random, work: float
) -> Killed:
    """Run a watch until it ends by itself, after it was killed with -9 `kills` times.

    Moments are spread over the `work` (seconds) that all of it takes, so that kills meet every part of it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    began, met = time.monotonic(), 0
    for number in range(kills + 1):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_watch, args=(str(folder), models, 0.0, environment, theirs))
        process.start()
        theirs.close()
        assert ours.poll(LONGEST), "the watch did not begin"
        ours.recv()
        if number < kills:
            process.join(rng.uniform(0.0, 2 * work / kills))
            if process.is_alive():
                os.kill(process.pid or 0, signal.SIGKILL)
                met += 1
        process.join(LONGEST)
        assert process.exitcode in ((0, -signal.SIGKILL) if number < kills else (0,))
        process.close()
    return Killed(met, time.monotonic() - began)
