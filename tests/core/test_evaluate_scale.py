"""A worst case over several processes: the results of one, and going on whatever their number was before."""

import traceback
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from refusals import refused_as
from tiny_models import save_tiny_model
from worst_cases import set_of

from meddef_core.data.images import Images, load_images
from meddef_core.data.lists import build_lists
from meddef_core.errors import DataError, ModelError
from meddef_core.evaluation.resume import read_parts
from meddef_core.evaluation.worst_case import plan_each_alone, plan_worst_case
from meddef_core.io.processes import LOCK, sole_use
from meddef_core.studies.worst_case_job import WorstCaseJob, own_error, run_job
from meddef_core.tasks import get_task
from meddef_core.zoo import LoadedModel, load_model


@pytest.fixture
def job(tmp_path: Path, noise_data: Path) -> WorstCaseJob:
    task, root = get_task("oct"), tmp_path / "models"
    card = save_tiny_model(root, "oct/tiny")
    lists = build_lists(task, noise_data)
    images = load_images(lists, "test", preprocessing=task.preprocessing, data_dir=noise_data)
    return WorstCaseJob(
        model="oct/tiny",
        models_root=root,
        run=None,
        weights_sha256=card.weights.sha256,
        lists=lists,
        part="test",
        data_dir=noise_data,
        folder=None,
        plan=plan_worst_case(images, attacks=set_of("noise", "fgsm", eps=(8 / 255, 64 / 255)), chunk=2),
    )


def opened(job: WorstCaseJob) -> tuple[LoadedModel, Images]:
    images = load_images(job.lists, job.part, preprocessing=get_task("oct").preprocessing, data_dir=job.data_dir)
    return load_model(job.model, job.models_root), images


def test_two_processes_find_what_one_finds(job: WorstCaseJob, tmp_path: Path) -> None:
    model, images = opened(job)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = run_job(job, model.network, images)
    finally:
        torch.set_num_threads(threads)
    # Half of it is done when the processes start, by one process that was stopped.
    folder = tmp_path / "results"
    seen: list[int] = []

    def stop(done: int, total: int, note: str) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(replace(job, folder=folder), model.network, images, on_progress=stop)
    together = run_job(
        replace(job, folder=folder),
        model.network,
        images,
        devices=2,
        on_progress=lambda done, total, note: seen.append(done),
    )
    assert together == alone and alone is not None and len(alone.images) == 16
    assert {path.name for path in folder.iterdir()} == {LOCK, "part-0.jsonl", "part-1.jsonl"}
    assert len(read_parts(folder, header=job.header)) == 8
    assert set(seen) <= set(range(8, 17)) and seen == sorted(seen)


def test_attacks_alone_are_shared_as_well(job: WorstCaseJob) -> None:
    model, images = opened(job)
    each = replace(job, plan=plan_each_alone(images, attacks=set_of("pgd", "noise"), chunk=4))
    torch.set_num_threads(1)
    assert run_job(each, model.network, images, devices=2) == run_job(each, model.network, images)


def test_a_foreign_folder_is_refused_before_any_process_starts(job: WorstCaseJob, tmp_path: Path) -> None:
    model, images = opened(job)
    mine = replace(job, folder=tmp_path / "results")
    assert run_job(mine, model.network, images) is not None
    with pytest.raises(DataError, match="different: weights_sha256"):
        run_job(replace(mine, weights_sha256="0" * 64), model.network, images, devices=2)


@pytest.mark.parametrize("devices", [1, 2])
def test_a_folder_in_which_another_call_is_at_work_is_refused(job: WorstCaseJob, tmp_path: Path, devices: int) -> None:
    model, images = opened(job)
    mine = replace(job, folder=tmp_path)
    with sole_use(tmp_path), refused_as(DataError, "io.another-process"):
        run_job(mine, model.network, images, devices=devices)
    assert run_job(mine, model.network, images) is not None


@pytest.mark.parametrize("rank", ["NODE_RANK", "LOCAL_RANK"])
def test_the_processes_of_one_call_share_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str) -> None:
    with sole_use(tmp_path):
        monkeypatch.setenv(rank, "1")
        with sole_use(tmp_path):
            monkeypatch.setenv(rank, "0")
        with refused_as(DataError, "io.another-process"), sole_use(tmp_path):
            pass


@pytest.mark.parametrize("error", [ModelError("The weights changed: start again."), ZeroDivisionError("none")])
def test_what_stops_a_process_is_said_as_it_would_be_in_one(error: Exception) -> None:
    """A process that was started hands back no more than its traceback."""
    try:
        raise error
    except Exception:  # whatever was raised: its traceback is all that a process hands back
        said = own_error(f"\n\n-- Process 1 terminated with the following error:\n{traceback.format_exc()}")
    if isinstance(error, ModelError):
        assert isinstance(said, ModelError) and str(said) == str(error)
    else:
        assert said is None


def test_several_machines_need_a_folder(job: WorstCaseJob) -> None:
    model, images = opened(job)
    with refused_as(DataError, "studies.machines-need-folder"):
        run_job(job, model.network, images, num_nodes=2)
    with refused_as(DataError, "studies.no-process"):
        run_job(job, model.network, images, devices=0)
