"""A watch in a process of its own, to be killed at any moment.

The processes are forked from one that has the libraries loaded: a moment chosen at random is then one of work, not one
of starting.
"""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from watching import watching

_LOADED = ["torch", "watching", "meddef_core.pacs.watch", "meddef_core.pacs.results.capture"]
LONGEST = 900.0
FIRST = 1.0
"""Seconds that a result is taken to need before any is there."""


class Killed(NamedTuple):
    kills: int
    """Kills that found the watch at work."""
    torn: int
    """Kills between the two results of one source."""
    seconds: float


def _watch(folder: str, models: tuple[str, ...], stable: float, environment: dict[str, str], ready: Connection) -> None:
    os.environ.update(environment)
    import torch

    torch.set_num_threads(1)
    with watching(Path(folder), *models, stable=stable) as watch:
        ready.send("begun")
        watch.run(once=True, sleep=lambda seconds: time.sleep(min(seconds, 0.2)))


def killed_until_done(
    folder: Path,
    *models: str,
    environment: dict[str, str],
    kills: int,
    rng: random.Random,
    left: Callable[[], int],
) -> Killed:
    """Run a watch until it ends by itself, after it was killed with -9 `kills` times.

    `left()` counts results that are still to come: by it the moments are spread over all of the work, however fast the
    machine is.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    began, met, torn, total = time.monotonic(), 0, 0, left()
    worked = FIRST
    for number in range(kills + 1):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_watch, args=(str(folder), models, 0.0, environment, theirs))
        process.start()
        theirs.close()
        assert ours.poll(LONGEST), "the watch did not begin"
        ours.recv()
        if number < kills:
            pace = worked / max(1, total - left())
            moment = rng.uniform(0.0, 2 * pace * left() / (kills - number))
            process.join(moment)
            worked += moment
            if process.is_alive():
                os.kill(process.pid or 0, signal.SIGKILL)
                met += 1
        process.join(LONGEST)
        assert process.exitcode in ((0, -signal.SIGKILL) if number < kills else (0,))
        torn += left() % 2
        process.close()
    return Killed(met, torn, time.monotonic() - began)
