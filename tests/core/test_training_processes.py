"""Training in two real processes: the steps and the validation of one, files from the first only."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from tiny_training import log_of, tiny_recipe
from torch import nn

from meddef_core.training.launch import newest_step
from meddef_core.training.loop import StepReport, train
from meddef_core.training.recipe import Recipe
from meddef_core.training.sharing import BatchShare, SharedBatchNorm2d


def recipe() -> Recipe:
    """All that is shared: class weights, batch statistics while crafting, dropout, two kinds of images in a batch."""
    return tiny_recipe(
        task="chest",
        epochs=1,
        batch=32,
        objective={"kind": "pgd", "eps": "2/255", "eps_warm_up": 0, "clean_share": 0.5, "steps": 1, "awp": 0.01},
        validation={"every": 1, "eps": "2/255", "steps": 2},
        alarm={"gap": 0.9, "images": 8},
    )


SMOOTHING = {"draws": 3, "consistency": 5.0, "entropy": 0.5, "weaker": True}


def smooth_recipe() -> Recipe:
    """Several noisy copies of each image in a batch, and certified accuracy as a score."""
    return tiny_recipe(
        task="chest",
        epochs=1,
        batch=32,
        model={"variant": "without_daam", "width": 4, "pool": 1, "grid": [14, 8], "noise": 0.2, "stem_stride": 1},
        objective={"kind": "smooth", "eps": "1/255", "eps_warm_up": 0, "steps": 1, "smoothing": SMOOTHING},
        validation={"every": 1, "certified": {"draws": 20}},
    )


@pytest.mark.parametrize("recipe", [recipe(), smooth_recipe()], ids=["attacked", "smooth"])
def test_two_processes_train_and_validate_as_one(
    recipe: Recipe, tiny_data: Path, tmp_path: Path, own_cache: Path
) -> None:
    seen: list[StepReport] = []
    alone = train(recipe, data_dir=tiny_data, run_dir=tmp_path / "one")
    together = train(recipe, data_dir=tiny_data, run_dir=tmp_path / "two", devices=2, on_progress=seen.append)
    assert (together.steps, together.best_step) == (alone.steps, alone.best_step)
    assert together.best_score == alone.best_score
    one, two = (log_of(tmp_path / name) for name in ("one", "two"))
    assert len(one) == len(two)
    for line, other in zip(one, two, strict=True):
        measured = [key for key, value in line.items() if key != "images_per_second" and value is not None]
        assert line.keys() == other.keys()
        assert [other[key] for key in measured] == pytest.approx([line[key] for key in measured], rel=1e-4)
    weights, others = (load_file(tmp_path / name / "best.safetensors") for name in ("one", "two"))
    assert weights.keys() == others.keys()
    for key, value in weights.items():
        torch.testing.assert_close(others[key], value, atol=2e-4, rtol=1e-3)
    assert {path.name for path in (tmp_path / "two").iterdir()} == {path.name for path in (tmp_path / "one").iterdir()}
    assert all(report.total == alone.steps for report in seen)


@pytest.fixture
def a_group(tmp_path: Path) -> Iterator[None]:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_a_shared_batch_norm_is_torchs_own(
    a_group: None, layout: torch.memory_format, kind: torch.dtype, tolerance: float
) -> None:
    torch.manual_seed(0)
    held = torch.float64 if kind == torch.float64 else torch.float32
    x = (torch.randn(6, 5, 9, 7) * 3 + 20).to(kind).to(memory_format=layout)
    toward = torch.randn(6, 5, 9, 7).to(kind)
    found = []
    for norm in (nn.BatchNorm2d(5, momentum=0.3, dtype=held), SharedBatchNorm2d(5, momentum=0.3, dtype=held)):
        with torch.no_grad():
            norm.weight.copy_(torch.linspace(-1, 2, 5))
            norm.bias.copy_(torch.linspace(0, 1, 5))
        own = x.clone().requires_grad_()
        out = norm(own)
        gradients = torch.autograd.grad((out * toward).sum(), [own, norm.weight, norm.bias])
        found.append([out.detach(), *gradients, norm.running_mean, norm.running_var])
    for ours, theirs in zip(found[1], found[0], strict=True):
        assert ours.dtype == theirs.dtype
        error = float((ours - theirs).norm() / theirs.norm())
        assert error < tolerance


def test_a_share_is_rows_that_follow_each_other() -> None:
    rows = np.arange(6)
    assert [BatchShare(index, 3).of(rows).tolist() for index in range(3)] == [[0, 1], [2, 3], [4, 5]]
    assert torch.equal(BatchShare(1, 2).of(torch.arange(4)), torch.tensor([2, 3]))


def test_the_newest_step_is_the_last_whole_line_of_one(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert newest_step(log) is None
    lines = [json.dumps({"step": step, "loss": 1.0, "filler": "x" * 50}) for step in range(200)]
    log.write_text("\n".join(lines[:1]) + "\n" + '{"probe": 3}\n' + lines[1][:20])
    assert newest_step(log) == json.loads(lines[0])
    log.write_text("\n".join(lines) + "\n")
    assert newest_step(log) == json.loads(lines[-1])
