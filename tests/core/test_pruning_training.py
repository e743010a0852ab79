"""Pruning while training: schedules by value, nothing gone comes back by itself, runs resume and end sparse."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from tiny_training import tiny_recipe
from torch import Tensor, nn

from meddef_core.model import MedDef
from meddef_core.pruning import prunable, sparsity_of
from meddef_core.pruning.pruner import Pruner, cubic
from meddef_core.pruning.settings import PruningSettings
from meddef_core.training import loop
from meddef_core.training.loop import StepReport, train


def test_the_cubic_schedule_is_fast_first() -> None:
    assert [cubic(share, sparsity=0.8) for share in (0, 0.5, 1, 2)] == pytest.approx([0, 0.7, 0.8, 0.8])


class Training:
    """A small network that learns something for real, with a pruner."""

    def __init__(self, *, total: int = 20, sgd: bool = False, **settings: Any) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 4))
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        parameters = self.network.parameters()
        self.optimizer = torch.optim.SGD(parameters, 0.05, 0.9) if sgd else torch.optim.AdamW(parameters, 0.01)
        self.pruner = Pruner(
            PruningSettings(**{"sparsity": 0.8, "every": 3, "end": 0.6} | settings),
            network=self.network,
            average=self.average,
            optimizer=self.optimizer,
            total=total,
        )
        self.total = total

    def step(self, number: int) -> None:
        x = torch.randn(32, 20, generator=torch.Generator().manual_seed(number))
        self.optimizer.zero_grad()
        nn.functional.cross_entropy(self.network(x), x[:, :4].argmax(dim=1)).backward()
        self.optimizer.step()
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(value, 0.1)
        self.pruner.after_step(number)

    def zeros(self) -> Tensor:
        return torch.cat([weight.detach().flatten() == 0 for weight in prunable(self.network).values()])

    def check_invariant(self) -> None:
        """Zero outside the masks: weights, their average and the optimizer's moments."""
        for name, weight in prunable(self.network).items():
            removed = ~self.pruner.masks[name]
            moments = [value for value in self.optimizer.state[weight].values() if value is not None and value.ndim]
            for value in (weight, prunable(self.average)[name], *moments):
                assert not value[removed].any(), name


@pytest.mark.parametrize("criterion", ["magnitude", "taylor"])
@pytest.mark.parametrize("layerwise", ["global", "uniform", "erk"])
def test_sparsity_rises_along_the_schedule_and_what_is_gone_stays_gone(criterion: str, layerwise: str) -> None:
    training = Training(criterion=criterion, layerwise=layerwise, start=0.1)
    size = len(training.zeros())
    gone = torch.zeros(size, dtype=torch.bool)
    for step in range(1, training.total + 1):
        training.step(step)
        training.check_invariant()
        assert (training.zeros() | ~gone).all(), "a removed weight came back"
        gone = training.zeros()
        if step in (2, 5, 8, 11, 12):
            expected = round(cubic((step - 2) / 10, sparsity=0.8) * size)
            assert int(gone.sum()) == expected, step
    assert sparsity_of(training.network) == pytest.approx(0.8, abs=1 / size)
    if layerwise == "uniform":
        assert all(abs(float((w == 0).float().mean()) - 0.8) < 0.02 for w in prunable(training.network).values())
    assert all(bias.count_nonzero() == len(bias) for n, bias in training.network.named_parameters() if "bias" in n)


def test_taylor_and_magnitude_choose_differently() -> None:
    masks = []
    for criterion in ("magnitude", "taylor"):
        training = Training(criterion=criterion, start=0.1)
        for step in range(1, 13):
            training.step(step)
        masks.append(training.zeros())
    assert not torch.equal(*masks)


@pytest.mark.parametrize("sgd", [False, True])
@pytest.mark.parametrize("layerwise", ["global", "erk"])
def test_dynamic_sparsity_moves_weights_where_the_gradient_is_steep(layerwise: str, sgd: bool) -> None:
    training = Training(schedule="constant", regrow=0.5, layerwise=layerwise, sgd=sgd)
    size = len(training.zeros())
    assert int(training.zeros().sum()) == round(0.8 * size), "a constant schedule prunes before the first step"
    returned = 0
    for step in range(1, training.total + 1):
        before = {name: mask.clone() for name, mask in training.pruner.masks.items()}
        training.step(step)
        training.check_invariant()
        kept = sum(int(mask.sum()) for mask in training.pruner.masks.values())
        assert kept == size - round(0.8 * size), "as many come as go"
        for name, mask in training.pruner.masks.items():
            grown = mask & ~before[name]
            returned += int(grown.sum())
            gradient = prunable(training.network)[name].grad
            assert gradient is not None and not prunable(training.network)[name][grown].any()
            if layerwise == "erk" and grown.any():
                assert gradient[grown].abs().min() >= gradient[~mask & ~before[name]].abs().max()
        if step > 12:
            assert all(torch.equal(mask, before[name]) for name, mask in training.pruner.masks.items())
    assert returned > 0


def test_masks_survive_a_restart_also_of_weights_that_just_returned() -> None:
    training = Training(schedule="constant", regrow=0.5)
    for step in range(1, 4):
        training.step(step)
    saved = {name: mask.clone() for name, mask in training.pruner.state_dict().items()}
    assert any((training.pruner.weights[name][mask] == 0).any() for name, mask in saved.items())
    other = Training(schedule="constant", regrow=0.5)
    other.pruner.load_state_dict(saved)
    assert all(torch.equal(other.pruner.masks[name], mask) for name, mask in saved.items())


def test_late_and_short_schedules_still_reach_their_sparsity() -> None:
    for start, end in ((0.95, 1.0), (0.0, 0.01), (0.52, 0.53)):
        training = Training(start=start, end=end, total=10)
        for step in range(1, 11):
            training.step(step)
        assert sparsity_of(training.network) == pytest.approx(0.8, abs=1e-3)


# In a run


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    "pruning",
    [
        {"sparsity": 0.9, "every": 2, "criterion": "taylor"},
        {"sparsity": 0.8, "every": 2, "schedule": "constant", "regrow": 0.5, "layerwise": "erk"},
    ],
    ids=["gradual", "dynamic"],
)
def test_a_pruned_run_resumes_and_ends_sparse(
    tiny_data: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, pruning: dict[str, Any]
) -> None:
    monkeypatch.setattr(loop, "SAVE_EVERY_SECONDS", 0.0)
    network = MedDef(tiny_recipe().model_config_of_task())
    save_file(network.state_dict(), tmp_path / "dense.safetensors")
    recipe = tiny_recipe(init=tmp_path / "dense.safetensors", pruning=pruning)
    whole = train(recipe, data_dir=tiny_data, run_dir=tmp_path / "whole")

    def kill(report: StepReport) -> None:
        if report.step == 2:
            raise Killed

    with pytest.raises(Killed):
        train(recipe, data_dir=tiny_data, run_dir=tmp_path / "cut", on_progress=kill)
    resumed = train(recipe, data_dir=tiny_data, run_dir=tmp_path / "cut")
    assert (resumed.best_step, resumed.best_score) == (whole.best_step, whole.best_score)
    for name in ("state.safetensors", "best.safetensors"):
        one, other = load_file(tmp_path / "whole" / name), load_file(tmp_path / "cut" / name)
        assert one.keys() == other.keys()
        for key, value in one.items():
            torch.testing.assert_close(value, other[key], atol=1e-6, rtol=1e-5)
    network.load_state_dict(load_file(tmp_path / "cut" / "best.safetensors"))
    assert sparsity_of(network) == pytest.approx(pruning["sparsity"], abs=1e-3)


def test_recipes_without_pruning_are_written_as_before() -> None:
    assert "pruning" not in tiny_recipe().model_dump(mode="json")
    assert tiny_recipe(pruning={"sparsity": 0.9}).model_dump(mode="json")["pruning"]["sparsity"] == 0.9


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pruning": {"sparsity": 0}}, "greater than 0"),
        ({"pruning": {"sparsity": 1}}, "less than or equal to 0.99"),
        ({"pruning": {"sparsity": 0.5, "wings": 2}}, "Extra inputs"),
        ({"pruning": {"sparsity": 0.5, "start": 0.5, "end": 0.4}}, "end must lie after start"),
        ({"pruning": {"sparsity": 0.5, "end": 0.8}}, "set validation.start"),
        ({"pruning": {"sparsity": 0.5, "schedule": "constant", "criterion": "taylor"}}, "needs gradients first"),
        ({"pruning": {"sparsity": 0.5, "criterion": "taylor"}, "optimizer": {"kind": "sgd"}}, "sgd has none"),
    ],
)
def test_impossible_pruning_stops_before_the_first_step(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        tiny_recipe(**changes)
