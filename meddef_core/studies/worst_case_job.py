"""A worst case as a job that goes on after an interruption, in one process or in many, on one machine or on many.

Chunks are dealt out by their number, so the per-image results are those of one process.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn
from torch.multiprocessing.spawn import ProcessRaisedException

from meddef_core import __version__
from meddef_core.data.images import Images, load_images
from meddef_core.data.lists import Lists
from meddef_core.errors import DataError, ModelError
from meddef_core.evaluation.resume import PartFile, count_done, read_parts
from meddef_core.evaluation.trials import EvaluationPlan
from meddef_core.evaluation.worst_case import OnProgress, WorstCase, run_plan
from meddef_core.io.processes import end_with_parent, environment_kept, own_error, sole_use
from meddef_core.records import plain
from meddef_core.text import Text
from meddef_core.training.finished import open_run
from meddef_core.zoo import LoadedModel, load_model

FORMAT = 2
"""Raised whenever a line of a part file changes its meaning."""

PATIENCE = timedelta(days=30)
"""How long a process that is done waits for the others."""

LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class WorstCaseJob:
    """A worst case on one list, described so that another process can open the same network and scans."""

    model: str
    """`<task>/<name>` below `models_root`; what `run` trained where that is given."""
    models_root: Path
    run: Path | None
    weights_sha256: str
    lists: Lists
    part: str
    data_dir: Path
    plan: EvaluationPlan
    folder: Path | None
    """Where finished chunks are kept; None for nowhere, and then nothing can go on after an interruption."""

    @property
    def header(self) -> dict[str, Any]:
        """What a folder's chunks must agree on to belong together."""
        header: dict[str, Any] = plain(
            {
                "format": FORMAT,
                "weights_sha256": self.weights_sha256,
                "list_sha256": self.lists.digest(self.part),
                "scans": self.plan.positions,
                "few": sorted(self.plan.few),
                "chunk": self.plan.chunk,
                "alone": self.plan.alone,
                "attacks": self.plan.attacks,
                "versions": {"meddef": __version__, "torch": torch.__version__},
            }
        )
        return header


def run_job(
    job: WorstCaseJob,
    network: nn.Module,
    images: Images,
    *,
    devices: int = 1,
    num_nodes: int = 1,
    on_progress: OnProgress | None = None,
) -> WorstCase | None:
    """Work on a job in `devices` processes on each of `num_nodes` machines; None on all machines but the first.

    One process works with torch's threads as they are set, several with one thread each. On several machines the same
    call is made on each, with NODE_RANK, MASTER_ADDR and MASTER_PORT set as Lightning Fabric wants them, and
    `job.folder` is one that all of them see. Raises DataError if the folder belongs to another job, or another call is
    at work in it.
    """
    if devices < 1 or num_nodes < 1:
        raise DataError(
            Text(
                "studies.no-process",
                "An evaluation needs at least one process, not {processes} on {machines} machines.",
                processes=devices,
                machines=num_nodes,
            )
        )
    if job.folder is not None:
        with sole_use(job.folder):
            if devices * num_nodes > 1:
                return _launch(job, devices=devices, num_nodes=num_nodes, on_progress=on_progress)
            log = PartFile(job.folder, header=job.header)
            return run_plan(network, images, job.plan, log=log, on_progress=on_progress)
    if devices * num_nodes == 1:
        return run_plan(network, images, job.plan, on_progress=on_progress)
    if num_nodes > 1:
        raise DataError(
            Text(
                "studies.machines-need-folder",
                "Several machines need a folder that all of them see; name one with --run-dir.",
            )
        )
    with tempfile.TemporaryDirectory(prefix="meddef-") as folder:
        return _launch(replace(job, folder=Path(folder)), devices=devices, num_nodes=1, on_progress=on_progress)


def _launch(job: WorstCaseJob, *, devices: int, num_nodes: int, on_progress: OnProgress | None) -> WorstCase | None:
    """Start the processes, wait for all, and put their part files together on the first machine."""
    assert job.folder is not None
    # Refuse a folder of another job here, in one sentence, rather than in every process.
    read_parts(job.folder, header=job.header)
    strategy = DDPStrategy(start_method="spawn", process_group_backend="gloo", timeout=PATIENCE)
    fabric = Fabric(accelerator="cpu", devices=devices, num_nodes=num_nodes, strategy=strategy)
    with _watched(job.folder, job.plan, on_progress), environment_kept():
        try:
            first = fabric.launch(partial(_work, job=job))
        except ProcessRaisedException as error:
            raise (own_error(str(error)) or error) from error
    if not first:
        return None
    done = read_parts(job.folder, header=job.header)
    missing = len(job.plan.chunks) - len(done)
    if missing:
        raise DataError(
            Text(
                "studies.chunks-missing",
                "{count} chunks are missing in {folder}; run the same command again to do them.",
                count=missing,
                folder=job.folder,
            )
        )
    return WorstCase(plan=job.plan, images=tuple(image for number in sorted(done) for image in done[number]))


def _work(fabric: Fabric, *, job: WorstCaseJob) -> bool:
    """One process; True on the first machine."""
    end_with_parent()
    torch.set_num_threads(1)
    assert job.folder is not None
    loaded = open_subject(job)
    if loaded.card.weights.sha256 != job.weights_sha256:
        raise ModelError(
            Text(
                "studies.weights-changed",
                "The weights of {model} changed while the evaluation started; start it again.",
                model=job.model,
            )
        )
    images = load_images(job.lists, job.part, preprocessing=loaded.preprocessing, data_dir=job.data_dir)
    log = PartFile(job.folder, header=job.header, number=fabric.global_rank)
    run_plan(loaded.network, images, job.plan, log=log, share=(fabric.global_rank, fabric.world_size))
    fabric.barrier()
    return bool(fabric.node_rank == 0)


def open_subject(job: WorstCaseJob) -> LoadedModel:
    """The network of a job, from the zoo or from a training run."""
    return open_run(job.run) if job.run is not None else load_model(job.model, job.models_root)


@contextmanager
def _watched(folder: Path, plan: EvaluationPlan, on_progress: OnProgress | None) -> Iterator[None]:
    """Tell `on_progress`, from a thread of its own, what the part files hold while others write them."""
    if on_progress is None:
        yield
        return
    total, stop = len(plan.positions), threading.Event()

    def look() -> None:
        while not stop.wait(LOOK_EVERY_SECONDS):
            on_progress(min(count_done(folder) * plan.chunk, total), total, "")

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
