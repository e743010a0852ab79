"""A training in several processes, on one machine or on many, through Lightning Fabric."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch.multiprocessing.spawn import ProcessRaisedException

from meddef_core.data.images import load_images
from meddef_core.data.lists import Lists
from meddef_core.io.processes import end_with_parent, environment_kept, own_error
from meddef_core.training.recipe import Recipe
from meddef_core.training.run import preprocessing_of

LOOK_EVERY_SECONDS = 1.0

TAIL_BYTES = 4096
"""More than one line of a log."""


def launch(
    work: Callable[..., Any],
    recipe: Recipe,
    lists: Lists,
    *,
    data_dir: Path,
    run_dir: Path,
    devices: int,
    num_nodes: int,
    watch: Callable[[dict[str, Any]], None] | None,
) -> dict[str, Any]:
    """Call `work(fabric, recipe=, lists=, data_dir=, run_dir=)` in `devices` processes a machine.

    Returns the fields of the dataclass that the first one returned.

    Torch's threads are divided among the processes. `watch` is told of the newest step in `log.jsonl`.
    """
    # Here, so that what is wrong with a scan is said once and the processes find the images ready.
    for part, preprocessing in preprocessing_of(recipe).items():
        load_images(lists, part, preprocessing=preprocessing, data_dir=data_dir)
    # Statistics are shared in the forward pass already (sharing.py), so that no process's need be sent round.
    strategy = DDPStrategy(start_method="spawn", forward_sync_buffers=False)
    fabric = Fabric(
        accelerator="auto", devices=devices, num_nodes=num_nodes, strategy=strategy, precision=recipe.precision
    )
    threads = max(1, torch.get_num_threads() // devices)
    job = partial(work, recipe=recipe, lists=lists, data_dir=data_dir, run_dir=run_dir)
    with _watched(run_dir / "log.jsonl", watch), environment_kept():
        try:
            # Fabric looks into arguments and results and refuses frozen dataclasses: hence one function, and a mapping.
            found: dict[str, Any] = fabric.launch(partial(_with_threads, job=job, threads=threads))
            return found
        except ProcessRaisedException as error:
            raise (own_error(str(error)) or error) from error


def _with_threads(fabric: Fabric, *, job: Callable[..., Any], threads: int) -> dict[str, Any]:
    end_with_parent()
    torch.set_num_threads(threads)
    return asdict(job(fabric))


@contextmanager
def _watched(log: Path, watch: Callable[[dict[str, Any]], None] | None) -> Iterator[None]:
    """Tell `watch`, from a thread of its own, of the newest step that the first process logged."""
    if watch is None:
        yield
        return
    stop = threading.Event()

    def look() -> None:
        told = None
        while not stop.wait(LOOK_EVERY_SECONDS):
            newest = newest_step(log)
            if newest is not None and newest != told:
                watch(newest)
                told = newest

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def newest_step(log: Path) -> dict[str, Any] | None:
    """The last whole line of a log that tells of a step; None where there is none."""
    if not log.exists():
        return None
    with log.open("rb") as file:
        skipped = file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().split(b"\n")
    # The last may lack its end, the first its beginning.
    for line in reversed(lines[1 if skipped else 0 : -1]):
        values: dict[str, Any] = json.loads(line)
        if "loss" in values:
            return values
    return None
