"""Runs that are killed without warning, or find the disk full: what was saved stays whole and is gone on from."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from full_disk import full_disk
from safetensors.torch import load_file
from tiny_training import log_of, tiny_recipe

from meddef_core.errors import DataError, RecipeError
from meddef_core.training import loop
from meddef_core.training.loop import StepReport, train

RECIPE = tiny_recipe(model={"variant": "resnet18", "width": 4, "pool": 4})

IN_TWO_PROCESSES = """
import signal
import sys
from pathlib import Path
from meddef_core.training.loop import train
from meddef_core.training.recipe import Recipe
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    recipe = Recipe.model_validate_json(sys.argv[1])
    train(recipe, data_dir=Path(sys.argv[2]), run_dir=Path(sys.argv[3]), devices=2)
"""
"""As a shell starts a command in the background: interrupts are ignored, also in the processes that it starts."""

SAVES_AT_EVERY_STEP = """
import sys
from pathlib import Path
import torch
from meddef_core.training import loop
from meddef_core.training.recipe import Recipe
torch.set_num_threads(1)
loop.SAVE_EVERY_SECONDS = 0.0
loop.train(Recipe.model_validate_json(sys.argv[1]), data_dir=Path(sys.argv[2]), run_dir=Path(sys.argv[3]))
"""


def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(
    tiny_data: Path, tmp_path: Path, own_cache: Path
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(RECIPE, data_dir=tiny_data, run_dir=whole)
    command = [sys.executable, "-c", SAVES_AT_EVERY_STEP, RECIPE.model_dump_json(), str(tiny_data), str(cut)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        log = cut / "log.jsonl"
        while not (log.exists() and log.read_text().count("\n") >= 3):
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.005)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    before = len(log.read_text().splitlines())
    with log.open("a") as file:
        file.write('{"step": ')  # what a kill in the middle of a line leaves
    (cut / ".state.safetensors.1.tmp").write_bytes(b"half")
    train(RECIPE, data_dir=tiny_data, run_dir=cut)
    for name in ("state.safetensors", "best.safetensors"):
        one, other = load_file(whole / name), load_file(cut / name)
        assert one.keys() == other.keys()
        for key, value in one.items():
            torch.testing.assert_close(value, other[key], atol=1e-6, rtol=1e-5)
    assert {path.name for path in cut.iterdir()} == {path.name for path in whole.iterdir()}
    steps = [line["step"] for line in log_of(cut)]
    assert steps[before:] in (list(range(before, 9)), list(range(before + 1, 9))), "from the last state on"


def test_what_a_killed_run_started_ends_with_it(tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    script, run = tmp_path / "train.py", tmp_path / "run"
    script.write_text(IN_TWO_PROCESSES)
    recipe = tiny_recipe(model={"variant": "resnet18", "width": 4, "pool": 4}, epochs=10_000)
    command = [sys.executable, script, recipe.model_dump_json(), str(tiny_data), str(run)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (run / "log.jsonl").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        started = children_of(process.pid)
        assert len(started) >= 2
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in started):
        assert time.monotonic() < deadline, "still at work in the folder"
        time.sleep(0.05)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """Also false of one that has ended and waits for somebody to ask how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_two_calls_do_not_train_in_one_folder(tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    """The second is told so, and takes nothing from the first."""
    refused = []

    def again(report: StepReport) -> None:
        with pytest.raises(DataError, match="Another process is at work in") as caught:
            train(RECIPE, data_dir=tiny_data, run_dir=tmp_path / "run")
        refused.append(caught)

    result = train(RECIPE, data_dir=tiny_data, run_dir=tmp_path / "run", on_progress=again)
    assert len(refused) == result.steps == len(log_of(tmp_path / "run"))
    assert train(RECIPE, data_dir=tiny_data, run_dir=tmp_path / "run").steps == result.steps, "free again"


class Killed(Exception):
    pass


def test_a_full_disk_is_one_sentence_and_loses_nothing(
    tiny_data: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(report: StepReport) -> None:
        if report.step == 6:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(loop, "SAVE_EVERY_SECONDS", 0.0)
        train(RECIPE, data_dir=tiny_data, run_dir=tmp_path / "run", on_progress=stop)
    files = {path: path.read_bytes() for path in (tmp_path / "run").glob("*.safetensors")}
    assert len(files) == 2
    with full_disk(), pytest.raises(RecipeError, match="what was saved before is whole") as caught:
        train(RECIPE, data_dir=tiny_data, run_dir=tmp_path / "run")
    assert "File too large" in str(caught.value) and "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in files} == files
    train(RECIPE, data_dir=tiny_data, run_dir=tmp_path / "run")
    steps = [line["step"] for line in log_of(tmp_path / "run")]
    assert steps[-2:] == [7, 8]


def test_a_folder_that_cannot_be_made_is_one_sentence(tiny_data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecipeError, match="cannot be written") as caught:
        train(RECIPE, data_dir=tiny_data, run_dir=tmp_path / "file" / "run")
    assert "\n" not in str(caught.value)
